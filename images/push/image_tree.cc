// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/image_tree.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json_object.h"
#include "images/digest.h"
#include "images/image_indexes.h"

namespace davit::images {
namespace {

// RFC 6838, section 4.2. The type becomes a header of a request to the target.
bool IsMediaType(std::string_view type) {
  constexpr size_t kMost = 255;
  auto may_be_in_it = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&-^_.+/").contains(static_cast<char>(c));
  };
  return !type.empty() && type.size() <= kMost && std::ranges::all_of(type, may_be_in_it);
}

// What a registry has to be told. Only OCI's documents may lack their own type.
Result<std::string> TypeOf(const std::string& document, std::string_view announced, bool index) {
  std::string type = TRY(JsonObject::Parse(document, "manifest")).String("mediaType");
  if (type.empty()) type = announced;
  if (type.empty()) type = index ? kOciIndexMediaType : kOciManifestMediaType;
  if (!IsMediaType(type))
    return Fail(Code::kInvalidArgument, "read index", "mediaType", "it is no media type");
  return type;
}

std::unexpected<Error> TooLarge(const std::string& digest, std::string_view what) {
  return Fail(Code::kResourceExhausted, "read index", digest, what);
}

class TreeBuilder {
 public:
  // Adds a document after its children, which `fetch` gets.
  template <typename Fetch>
  Result<> Add(ImageTree::Document document, size_t nesting, Fetch fetch) {
    ManifestContent content = TRY(ReadManifestContent(document.bytes, document.media_type));
    bool index = !content.manifests.empty();
    document.media_type = TRY(TypeOf(document.bytes, document.media_type, index));
    TRY(Count(document));
    for (const Descriptor& child : content.manifests) {
      if (!seen_.insert(child.digest).second) continue;
      if (nesting == kMaxIndexNesting)
        return Fail(Code::kInvalidArgument, "read index", child.digest, "too deep");
      std::string bytes = TRY(fetch(child.digest));
      TRY(Add({child.digest, child.media_type, std::move(bytes)}, nesting + 1, fetch));
    }
    for (Descriptor& blob : content.blobs) {
      if (seen_.insert(blob.digest).second) tree_.blobs.push_back(std::move(blob));
    }
    if (tree_.blobs.size() > kMostTreeBlobs) return TooLarge(document.digest, "it has too many blobs");
    tree_.documents.push_back(std::move(document));
    return {};
  }

  ImageTree Take() { return std::move(tree_); }

 private:
  Result<> Count(const ImageTree::Document& document) {
    bytes_ += document.bytes.size();
    if (++documents_ > kMostTreeDocuments) return TooLarge(document.digest, "it has too many manifests");
    if (bytes_ > kMostTreeBytes) return TooLarge(document.digest, "its manifests are too large");
    return {};
  }

  ImageTree tree_;
  std::set<std::string> seen_;  // digests
  size_t documents_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

bool ImageTree::Has(const std::string& digest) const {
  return std::ranges::find(documents, digest, &Document::digest) != documents.end();
}

Result<ImageTree> TreeOfManifest(const std::string& manifest_json) {
  TreeBuilder builder;
  TRY(builder.Add({TRY(Sha256Of(manifest_json)), "", manifest_json}, 0,
                  [](const std::string& digest) -> Result<std::string> {
                    return Fail(Code::kInternal, "read manifest", digest, "it is an index");
                  }));
  return builder.Take();
}

Result<ImageTree> FetchImageTree(const ImageRecord& image, RegistryBlobSource& registries,
                                 const std::string& root_digest) {
  auto kept = TRY(KeptDocuments(image));
  auto read = [&](const std::string& digest) -> Result<ManifestDocument> {
    auto document = kept.find(digest);
    if (document == kept.end()) return registries.FetchManifest(digest);
    return ManifestDocument{*document->second, "", digest};
  };
  auto fetch = [&read](const std::string& digest) -> Result<std::string> { return TRY(read(digest)).bytes; };
  ManifestDocument root = TRY(read(root_digest));
  TreeBuilder builder;
  TRY(builder.Add({root_digest, root.media_type, std::move(root.bytes)}, 0, fetch));
  return builder.Take();
}

}  // namespace davit::images
