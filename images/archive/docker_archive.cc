// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/docker_archive.h"

#include <unistd.h>

#include <utility>

#include "base/json.h"
#include "base/json_object.h"
#include "images/archive/layout.h"
#include "images/archive/limits.h"
#include "images/digest.h"
#include "images/image_config.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr char kManifestType[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kConfigType[] = "application/vnd.docker.container.image.v1+json";
constexpr char kLayerType[] = "application/vnd.docker.image.rootfs.diff.tar";

std::unexpected<Error> Reject(std::string_view subject, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read archive", subject, why);
}

Result<ArchiveEntry> ReadEntry(JsonObject image) {
  ArchiveEntry entry;
  entry.config_path = image.String("Config");
  entry.layer_paths = image.Strings("Layers");
  for (const std::string& name : image.Strings("RepoTags")) {
    auto reference = ParseReference(name);
    if (!reference) {
      entry.bad_names.push_back(std::move(reference).error());
    } else if (reference->digest.empty()) {
      entry.tags.push_back(reference->Normalised());
    }
  }
  TRY(image.Check());
  if (entry.config_path.empty()) return Reject(kDockerFile, "an image without a config");
  return entry;
}

struct Compression {
  std::string_view magic;
  const char* suffix;  // of the media type
};
constexpr Compression kCompressions[] = {{"\x1f\x8b", ".gzip"}, {"\x28\xb5\x2f\xfd", ".zstd"}};

// Empty: not compressed.
Result<std::string> CompressionOf(const StagedFiles& files, const std::string& path) {
  std::string head;
  StagedFiles::File file = TRY(files.Open(path));
  char buffer[4];
  ssize_t size = TEMP_FAILURE_RETRY(read(file.fd.get(), buffer, sizeof buffer));
  if (size < 0) return SystemError("read", path);
  head.assign(buffer, static_cast<size_t>(size));
  for (const Compression& compression : kCompressions) {
    if (head.starts_with(compression.magic)) return compression.suffix;
  }
  return "";
}

// The digest of a layer that is not compressed is its diff ID. It is verified when the layer is read.
Result<Descriptor> DescribeLayer(const StagedFiles& files, const std::string& path,
                                 const std::string& diff_id, const Interrupt& interrupt) {
  std::string compression = TRY(CompressionOf(files, path));
  StagedFiles::File file = TRY(files.Open(path));
  Descriptor layer;
  layer.media_type = kLayerType + compression;
  layer.size = file.size;
  layer.digest = compression.empty() ? diff_id : TRY(files.DigestOf(path, "sha256", interrupt));
  return layer;
}

nlohmann::json ToJson(const Descriptor& descriptor) {
  nlohmann::json object = nlohmann::json::object();
  SetJsonMember(object, "mediaType", descriptor.media_type);
  SetJsonMember(object, "digest", descriptor.digest);
  SetJsonMember(object, "size", descriptor.size);
  return object;
}

// Its members are in the order of their names, so that equal images have equal digests.
std::string PrintManifest(const Manifest& manifest) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Descriptor& layer : manifest.layers) layers.push_back(ToJson(layer));
  nlohmann::json document = nlohmann::json::object();
  SetJsonMember(document, "schemaVersion", 2);
  SetJsonMember(document, "mediaType", kManifestType);
  SetJsonMember(document, "config", ToJson(manifest.config));
  SetJsonMember(document, "layers", std::move(layers));
  return PrintJson(document);
}

}  // namespace

Result<std::vector<ArchiveEntry>> ListDockerArchive(const StagedFiles& files) {
  // The document is a list; the reader of objects wants an object.
  std::string list = TRY(files.Read(kDockerFile, kMaxArchiveList));
  JsonObject document = TRY(JsonObject::Parse("{\"images\":" + list + "}", kDockerFile));
  std::vector<ArchiveEntry> entries;
  for (JsonObject& image : document.Objects("images")) {
    if (entries.size() == kMaxArchivedImages) return Reject(kDockerFile, "it lists too many images");
    entries.push_back(TRY(ReadEntry(std::move(image))));
  }
  TRY(document.Check());
  if (entries.empty()) return Reject(kDockerFile, "it lists no image");
  return entries;
}

Result<ArchivedImage> ReadDockerImage(const StagedFiles& files, const ArchiveEntry& entry,
                                      const Interrupt& interrupt) {
  ArchivedImage image;
  image.config_json = TRY(files.Read(entry.config_path, kMaxArchivedConfig));
  ImageConfig config = TRY(ParseImageConfig(image.config_json));
  if (config.diff_ids.size() != entry.layer_paths.size())
    return Reject(entry.config_path, "it and manifest.json differ in the number of layers");
  image.manifest.config = {
      kConfigType, TRY(Sha256Of(image.config_json)), static_cast<int64_t>(image.config_json.size()), {}, {}};
  for (size_t i = 0; i < entry.layer_paths.size(); ++i) {
    Descriptor layer = TRY(DescribeLayer(files, entry.layer_paths[i], config.diff_ids[i], interrupt));
    image.blobs[layer.digest] = entry.layer_paths[i];
    image.manifest.layers.push_back(std::move(layer));
  }
  image.manifest_json = PrintManifest(image.manifest);
  return image;
}

}  // namespace davit::images
