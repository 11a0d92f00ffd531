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
#include "images/image_config.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr int kMaxNesting = 4;  // of indexes in indexes

std::unexpected<Error> Refuse(std::string_view subject, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read archive", subject, why);
}

// The image's name in an annotation; nullopt for a mere tag ("v1"), which does not say of what.
std::optional<std::string> TagIn(const std::string& annotation) {
  if (annotation.find_first_of(":/") == std::string::npos) return std::nullopt;
  auto reference = ParseReference(annotation);
  if (!reference || !reference->digest.empty()) return std::nullopt;
  return reference->Normalised();
}

std::string NameOf(JsonObject& entry) {
  std::string name;
  for (auto& [key, value] : entry.StringMap("annotations")) {
    auto tag = TagIn(value);
    if (tag && (key == kImageNameAnnotation || (key == kRefNameAnnotation && name.empty()))) name = *tag;
  }
  return name;
}

// Entries with one name, or those without a name.
const Descriptor* Choose(const Index& group, const Platform& platform) {
  return group.manifests.size() == 1 ? group.manifests.data() : ChoosePlatform(group, platform);
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

// The manifest for the platform, through indexes.
Result<> ReadManifest(const StagedFiles& files, Descriptor descriptor, const Platform& platform,
                      ArchivedImage& image) {
  for (int nesting = 0; nesting < kMaxNesting; ++nesting) {
    std::string bytes = TRY(ReadBlob(files, descriptor, kMaxArchivedManifest));
    auto parsed = TRY(ParseManifest(bytes, descriptor.media_type));
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) {
      image.manifest = std::move(*manifest);
      image.manifest_json = std::move(bytes);
      return {};
    }
    const Descriptor* entry = ChoosePlatform(std::get<Index>(parsed), platform);
    if (!entry) {
      return Fail(Code::kNotFound, "choose platform", descriptor.digest,
                  "the index has no image for " + platform.ToString());
    }
    image.by_index = entry->platform.has_value();
    descriptor = Descriptor(*entry);
  }
  return Refuse(descriptor.digest, "indexes within indexes");
}

}  // namespace

Result<std::vector<ArchiveEntry>> ListOciLayout(const StagedFiles& files, const Platform& platform) {
  std::string text = TRY(files.Read(kIndexFile, kMaxArchiveList));
  auto parsed = TRY(ParseManifest(text, kOciIndexMediaType));
  const Index* index = std::get_if<Index>(&parsed);
  if (!index) return Refuse(kIndexFile, "not an index");
  std::vector<JsonObject> entries = TRY(JsonObject::Parse(text, kIndexFile)).Objects("manifests");
  if (entries.size() > kMaxArchivedImages) return Refuse(kIndexFile, "it lists too many images");

  std::map<std::string, Index> groups;  // by name
  for (size_t i = 0; i < entries.size(); ++i)
    groups[NameOf(entries[i])].manifests.push_back(index->manifests[i]);
  std::vector<ArchiveEntry> images;
  for (const auto& [name, group] : groups) {
    const Descriptor* chosen = Choose(group, platform);
    if (!chosen) continue;
    auto known = std::ranges::find(images, chosen->digest,
                                   [](const ArchiveEntry& entry) { return entry.root.digest; });
    if (known == images.end()) known = images.insert(images.end(), ArchiveEntry{{}, *chosen, "", {}});
    if (!name.empty()) known->tags.push_back(name);
  }
  if (images.empty())
    return Fail(Code::kNotFound, "read archive", kIndexFile, "it has no image for " + platform.ToString());
  return images;
}

Result<ArchivedImage> ReadOciImage(const StagedFiles& files, const ArchiveEntry& entry,
                                   const Platform& platform) {
  ArchivedImage image;
  image.root_digest = entry.root.digest;
  TRY(ReadManifest(files, entry.root, platform, image));
  image.config_json = TRY(ReadBlob(files, image.manifest.config, kMaxArchivedConfig));
  for (const Descriptor& layer : image.manifest.layers) image.blobs[layer.digest] = BlobPath(layer.digest);
  return image;
}

}  // namespace davit::images
