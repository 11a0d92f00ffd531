// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/oci_layout.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/json_object.h"
#include "images/archive/layout.h"
#include "images/archive/limits.h"
#include "images/digest.h"
#include "images/manifest_search.h"
#include "images/reference.h"

namespace davit::images {
namespace {

std::unexpected<Error> Reject(std::string_view subject, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read archive", subject, why);
}

// What an entry's annotations call the image.
struct EntryName {
  std::string reference;  // normalised, with a tag or a digest; empty if there is none
  std::string other;      // if there is none: another name, such as a mere tag; may be empty

  auto operator<=>(const EntryName&) const = default;
};

// The image's name in an annotation; nullopt for a mere tag ("v1"), which does not say of what, and for the
// digest of something else.
std::optional<std::string> NameIn(const std::string& annotation, const std::string& digest) {
  if (annotation.find_first_of(":/") == std::string::npos) return std::nullopt;
  auto reference = ParseReference(annotation);
  bool other = reference && !reference->digest.empty() && reference->digest != digest;
  return reference && !other ? std::optional(reference->Normalised()) : std::nullopt;
}

EntryName NameOf(JsonObject& entry, const std::string& digest) {
  EntryName name;
  for (auto& [key, value] : entry.StringMap("annotations")) {
    bool complete = key == kImageNameAnnotation;
    if (!complete && key != kRefNameAnnotation) continue;
    if (complete || name.other.empty()) name.other = value;
    auto reference = NameIn(value, digest);
    if (reference && (complete || name.reference.empty())) name.reference = *reference;
  }
  if (!name.reference.empty()) name.other.clear();
  return name;
}

Error NoReference(const std::string& name) {
  return Fail(Code::kInvalidArgument, "name image", name, "it does not say in which repository").error();
}

enum class Wanted : uint8_t {
  kForPlatform,
  kAny,  // also for another platform, if there is no choice
};

// Of the entries with one name, or of those without any.
const Descriptor* Choose(const Index& group, Wanted wanted, const Platform& platform) {
  bool only = group.manifests.size() == 1 && wanted == Wanted::kAny;
  return only ? group.manifests.data() : ChoosePlatform(group, platform);
}

// A document that is a blob.
Result<std::string> ReadBlob(const StagedFiles& files, const Descriptor& descriptor, size_t limit) {
  std::string path = BlobPath(descriptor.digest);
  std::string bytes = TRY(files.Read(path, limit));
  TRY(VerifyDigest(bytes, descriptor.digest, path));
  if (descriptor.size == static_cast<int64_t>(bytes.size())) return bytes;
  return Fail(Code::kDataLoss, "read archive", path,
              "has " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(descriptor.size));
}

// The image for the platform, through indexes.
Result<ImageDocuments> ReadDocuments(const StagedFiles& files, const Descriptor& root,
                                     const Platform& platform) {
  DocumentFetch fetch;
  fetch.manifest = [&](const Descriptor& entry) { return ReadBlob(files, entry, kMaxArchivedManifest); };
  fetch.config = [&](const Descriptor& config) { return ReadBlob(files, config, kMaxArchivedConfig); };
  std::string bytes = TRY(fetch.manifest(root));
  auto parsed = TRY(ParseManifest(bytes, root.media_type));
  if (Index* index = std::get_if<Index>(&parsed))
    return FindImage(*index, {root.digest, std::move(bytes)}, platform, fetch, root.digest);
  ImageDocuments documents;
  documents.manifest = std::move(std::get<Manifest>(parsed));
  documents.manifest_json = std::move(bytes);
  if (!documents.manifest.artifact) documents.config_json = TRY(fetch.config(documents.manifest.config));
  return documents;
}

}  // namespace

Result<std::vector<ArchiveEntry>> ListOciLayout(const StagedFiles& files, const Platform& platform) {
  std::string text = TRY(files.Read(kIndexFile, kMaxArchiveList));
  auto parsed = TRY(ParseManifest(text, kOciIndexMediaType));
  const Index* index = std::get_if<Index>(&parsed);
  if (!index) return Reject(kIndexFile, "not an index");
  std::vector<JsonObject> entries = TRY(JsonObject::Parse(text, kIndexFile)).Objects("manifests");
  if (entries.size() > kMaxArchivedImages) return Reject(kIndexFile, "it lists too many images");

  std::map<EntryName, Index> groups;
  for (size_t i = 0; i < entries.size(); ++i)
    groups[NameOf(entries[i], index->manifests[i].digest)].manifests.push_back(index->manifests[i]);
  std::vector<ArchiveEntry> images;
  for (const auto& [name, group] : groups) {
    // Builders write the platforms of one image under mere tags, or under none.
    bool asked_for = groups.size() == 1 || !name.reference.empty();
    const Descriptor* chosen = Choose(group, asked_for ? Wanted::kAny : Wanted::kForPlatform, platform);
    if (!chosen) continue;
    auto known = std::ranges::find(images, chosen->digest,
                                   [](const ArchiveEntry& entry) { return entry.root.digest; });
    if (known == images.end()) known = images.insert(images.end(), ArchiveEntry{{}, {}, {}, *chosen, "", {}});
    bool by_digest = name.reference.contains('@');
    if (!name.reference.empty()) (by_digest ? known->digests : known->tags).push_back(name.reference);
    if (!name.other.empty()) known->bad_names.push_back(NoReference(name.other));
  }
  if (images.empty())
    return Fail(Code::kNotFound, "read archive", kIndexFile, "it has no image for " + platform.ToString());
  return images;
}

Result<ArchivedImage> ReadOciImage(const StagedFiles& files, const ArchiveEntry& entry,
                                   const Platform& platform) {
  ImageDocuments documents = TRY(ReadDocuments(files, entry.root, platform));
  ArchivedImage image;
  image.root_digest = entry.root.digest;
  image.manifest_json = std::move(documents.manifest_json);
  image.manifest = std::move(documents.manifest);
  image.config_json = std::move(documents.config_json);
  image.by_index = documents.by_index;
  image.indexes = std::move(documents.indexes);
  for (const Descriptor& layer : image.manifest.layers) image.blobs[layer.digest] = BlobPath(layer.digest);
  return image;
}

}  // namespace davit::images
