// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_indexes.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "images/digest.h"
#include "images/manifest.h"

namespace davit::images {
namespace {

const IndexDocument* FindIndex(const ImageRecord& image, const std::string& digest) {
  auto found = std::ranges::find(image.indexes, digest, &IndexDocument::digest);
  return found == image.indexes.end() ? nullptr : &*found;
}

std::vector<Descriptor> EntriesOf(const IndexDocument& document) {
  auto parsed = ParseManifest(document.json, kOciIndexMediaType);
  Index* index = parsed ? std::get_if<Index>(&*parsed) : nullptr;
  return index ? std::move(index->manifests) : std::vector<Descriptor>();
}

// One search for the manifest of an image. Each index is read once: a hostile one may name others often.
class PathSearch {
 public:
  PathSearch(const ImageRecord& image, std::string manifest_digest)
      : image_(image), manifest_digest_(std::move(manifest_digest)) {}

  // Whether this index, or one within it, has the manifest; then path() ends there.
  bool Enter(const IndexDocument& index) {
    if (path_.size() == kMaxIndexNesting || !seen_.insert(index.digest).second) return false;
    path_.push_back(index);
    std::vector<Descriptor> entries = EntriesOf(index);
    if (std::ranges::find(entries, manifest_digest_, &Descriptor::digest) != entries.end()) return true;
    for (const Descriptor& entry : entries) {
      const IndexDocument* inner = FindIndex(image_, entry.digest);
      if (inner && Enter(*inner)) return true;
    }
    path_.pop_back();
    return false;
  }

  std::vector<IndexDocument> TakePath() { return std::move(path_); }

 private:
  const ImageRecord& image_;
  const std::string manifest_digest_;
  std::vector<IndexDocument> path_;
  std::set<std::string> seen_;  // digests
};

}  // namespace

std::vector<IndexDocument> MergeIndexes(const ImageRecord& pulled, const ImageRecord& known) {
  if (pulled.manifest_json != known.manifest_json) return pulled.indexes;
  auto is_known = [&known](const IndexDocument& index) { return FindIndex(known, index.digest); };
  if (std::ranges::all_of(pulled.indexes, is_known)) return known.indexes;
  std::vector<IndexDocument> merged = pulled.indexes;
  size_t older = 0;
  size_t bytes = 0;
  for (const IndexDocument& index : known.indexes) {
    if (FindIndex(pulled, index.digest)) continue;
    bytes += index.json.size();
    if (++older > kMostOlderIndexes || bytes > kMostOlderIndexBytes) break;
    merged.push_back(index);
  }
  return merged;
}

std::vector<IndexDocument> PathToManifest(const ImageRecord& image, const std::string& root_digest) {
  const IndexDocument* root = FindIndex(image, root_digest);
  auto manifest_digest = Sha256Of(image.manifest_json);
  if (!root || !manifest_digest) return {};
  PathSearch search(image, *manifest_digest);
  search.Enter(*root);
  return search.TakePath();
}

Result<std::map<std::string, const std::string*>> KeptDocuments(const ImageRecord& image) {
  std::map<std::string, const std::string*> documents;
  documents[TRY(Sha256Of(image.manifest_json))] = &image.manifest_json;
  for (const IndexDocument& index : image.indexes) documents[index.digest] = &index.json;
  return documents;
}

}  // namespace davit::images
