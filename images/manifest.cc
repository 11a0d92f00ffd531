// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/manifest.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/json_object.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+";

constexpr char kTitle[] = "org.opencontainers.image.title";

constexpr std::array<std::string_view, 3> kConfigTypes = {
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",  // written by early builders for Docker configs
};

// Which compression it is the content tells, as some builders' media types do not.
constexpr std::array<std::string_view, 11> kLayerTypes = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

std::unexpected<Error> Refuse(std::string_view why, Code code = Code::kInvalidArgument) {
  return Fail(code, "parse", "manifest", why);
}

bool IsIndexType(std::string_view type) {
  return type == kOciIndexMediaType || type == kDockerList;
}
bool IsManifestType(std::string_view type) {
  return type == kOciManifestMediaType || type == kDockerManifest;
}

template <size_t N>
bool IsOneOf(const std::array<std::string_view, N>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

Descriptor ReadDescriptor(JsonObject object) {
  Descriptor descriptor;
  descriptor.media_type = object.String("mediaType");
  descriptor.digest = object.String("digest");
  descriptor.size = object.Integer("size");
  descriptor.urls = object.Strings("urls");
  if (object.Has("platform")) {
    JsonObject platform = object.Object("platform");
    descriptor.platform =
        Platform{platform.String("os"), platform.String("architecture"), platform.String("variant")};
  }
  return descriptor;
}

Result<> CheckDescriptor(const Descriptor& descriptor) {
  if (!IsDigest(descriptor.digest)) return Refuse("a descriptor has no sha256 or sha512 digest");
  if (descriptor.size < 0) return Refuse("a descriptor has a negative size");
  return {};
}

// Each is checked before the next is read: most of a hostile list is never in memory. `read_more` gets what
// else is wanted of it.
Result<std::vector<Descriptor>> ReadDescriptors(
    JsonObject& document, const char* list,
    const std::function<void(JsonObject& entry)>& read_more = [](JsonObject&) {}) {
  std::vector<Descriptor> descriptors;
  for (JsonObject& entry : document.Objects(list)) {
    descriptors.push_back(ReadDescriptor(entry));
    read_more(entry);
    TRY(document.Check());
    TRY(CheckDescriptor(descriptors.back()));
  }
  return descriptors;
}

// Whether the document is an index; else it is a manifest.
Result<bool> IsIndex(JsonObject& document, std::string_view media_type) {
  std::string own_type = document.String("mediaType");
  if (document.Integer("schemaVersion") == 1 || media_type.starts_with(kDockerSchema1)) {
    return Refuse("schema 1, which registries have dropped", Code::kUnimplemented);
  }
  bool has_manifests = document.Has("manifests");
  bool has_layers = document.Has("layers") || document.Has("config");
  if (has_manifests && has_layers) return Refuse("has both manifests and layers");
  if (document.Has("fsLayers")) return Refuse("has fsLayers of schema 1");
  for (std::string_view type : {std::string_view(own_type), media_type}) {
    if ((IsIndexType(type) && has_layers) || (IsManifestType(type) && has_manifests)) {
      return Refuse("is not what its media type says");
    }
  }
  if (!own_type.empty() && !IsIndexType(own_type) && !IsManifestType(own_type)) {
    return Refuse("unknown media type \"" + own_type + "\"");
  }
  return has_manifests;
}

Result<Index> ReadIndex(JsonObject document) {
  Index index;
  index.manifests = TRY(ReadDescriptors(document, "manifests"));
  TRY(document.Check());
  return index;
}

// A relative path that means the same to everybody, and is no whiteout of a layer (image-spec layer.md).
bool IsFileName(std::string_view path) {
  constexpr size_t kMost = 1024;
  if (path.empty() || path.size() > kMost || path.find('\0') != path.npos) return false;
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == ".." || part.starts_with(".wh.")) return false;
    at = end + 1;
  }
  return true;
}

bool AnyOf(const std::vector<std::string>& titles) {
  return std::ranges::any_of(titles, [](const std::string& title) { return !title.empty(); });
}

std::string TitleOf(JsonObject& layer) {
  for (auto& [key, value] : layer.StringMap("annotations"))
    if (key == kTitle) return std::move(value);
  return {};
}

// Gives the files their names.
Result<> NameFiles(std::vector<std::string> titles, Manifest& manifest) {
  if (!AnyOf(titles)) {
    return Refuse("not a container image, but an artifact (config \"" + manifest.config.media_type +
                  "\") whose files have no names");
  }
  for (size_t i = 0; i < titles.size(); ++i) {
    const std::string& digest = manifest.layers[i].digest;
    std::string& name = manifest.layers[i].file_name;
    name = titles[i].empty() ? digest.substr(digest.find(':') + 1) : std::move(titles[i]);
    if (!IsFileName(name)) return Refuse("an artifact's file cannot have the name \"" + name + "\"");
  }
  return {};
}

Result<Manifest> ReadManifest(JsonObject document) {
  if (!document.Has("config")) return Refuse("no config");
  Manifest manifest;
  std::vector<std::string> titles;
  manifest.config = ReadDescriptor(document.Object("config"));
  std::string artifact_type = document.String("artifactType");
  manifest.layers = TRY(ReadDescriptors(document, "layers",
                                        [&titles](JsonObject& layer) { titles.push_back(TitleOf(layer)); }));
  TRY(document.Check());
  TRY(CheckDescriptor(manifest.config));
  bool image_config = IsOneOf(kConfigTypes, manifest.config.media_type);
  bool unpackable = std::ranges::all_of(
      manifest.layers, [](const Descriptor& layer) { return IsOneOf(kLayerTypes, layer.media_type); });
  manifest.artifact = !image_config || (!unpackable && !artifact_type.empty() && AnyOf(titles));
  if (manifest.artifact) {
    TRY(NameFiles(std::move(titles), manifest));
    return manifest;
  }
  for (const Descriptor& layer : manifest.layers) {
    if (!IsOneOf(kLayerTypes, layer.media_type)) {
      return Refuse("cannot unpack a layer of type \"" + layer.media_type + "\"");
    }
  }
  return manifest;
}

}  // namespace

Result<std::variant<Manifest, Index>> ParseManifest(std::string_view json, std::string_view media_type) {
  JsonObject document = TRY(JsonObject::Parse(json, "manifest"));
  if (TRY(IsIndex(document, media_type))) return TRY(ReadIndex(std::move(document)));
  return TRY(ReadManifest(std::move(document)));
}

Result<ManifestContent> ReadManifestContent(std::string_view json, std::string_view media_type) {
  JsonObject document = TRY(JsonObject::Parse(json, "manifest"));
  ManifestContent content;
  if (TRY(IsIndex(document, media_type))) {
    content.manifests = TRY(ReadIndex(std::move(document))).manifests;
    return content;
  }
  content.blobs = TRY(ReadDescriptors(document, "layers"));
  if (document.Has("config")) content.blobs.push_back(ReadDescriptor(document.Object("config")));
  TRY(document.Check());
  for (const Descriptor& blob : content.blobs) TRY(CheckDescriptor(blob));
  return content;
}

std::vector<const Descriptor*> PlatformEntries(const Index& index, const Platform& host) {
  std::vector<const Descriptor*> entries;
  for (const Platform& wanted : Runnable(host)) {
    for (const Descriptor& entry : index.manifests)
      if (entry.platform && Normalise(*entry.platform) == wanted) entries.push_back(&entry);
  }
  for (const Descriptor& entry : index.manifests)
    if (!entry.platform) entries.push_back(&entry);
  return entries;
}

const Descriptor* ChoosePlatform(const Index& index, const Platform& host) {
  std::vector<const Descriptor*> entries = PlatformEntries(index, host);
  return entries.empty() ? nullptr : entries.front();
}

}  // namespace davit::images
