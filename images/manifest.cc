// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/manifest.h"

#include <algorithm>
#include <array>

#include "base/json_object.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+";

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

Result<Index> ReadIndex(JsonObject document) {
  Index index;
  for (JsonObject& entry : document.Objects("manifests")) index.manifests.push_back(ReadDescriptor(entry));
  TRY(document.Check());
  for (const Descriptor& entry : index.manifests) TRY(CheckDescriptor(entry));
  return index;
}

Result<Manifest> ReadManifest(JsonObject document) {
  if (!document.Has("config")) return Refuse("no config");
  Manifest manifest;
  manifest.config = ReadDescriptor(document.Object("config"));
  for (JsonObject& layer : document.Objects("layers")) manifest.layers.push_back(ReadDescriptor(layer));
  TRY(document.Check());
  TRY(CheckDescriptor(manifest.config));
  if (!IsOneOf(kConfigTypes, manifest.config.media_type)) {
    return Refuse("not a container image: its config is \"" + manifest.config.media_type + "\"");
  }
  for (const Descriptor& layer : manifest.layers) {
    TRY(CheckDescriptor(layer));
    if (!IsOneOf(kLayerTypes, layer.media_type)) {
      return Refuse("cannot unpack a layer of type \"" + layer.media_type + "\"");
    }
  }
  return manifest;
}

}  // namespace

Result<std::variant<Manifest, Index>> ParseManifest(std::string_view json, std::string_view media_type) {
  JsonObject document = TRY(JsonObject::Parse(json, "manifest"));
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
  if (has_manifests) return TRY(ReadIndex(std::move(document)));
  return TRY(ReadManifest(std::move(document)));
}

const Descriptor* ChoosePlatform(const Index& index, const Platform& host) {
  for (const Platform& wanted : Runnable(host)) {
    for (const Descriptor& entry : index.manifests) {
      if (entry.platform && Normalise(*entry.platform) == wanted) return &entry;
    }
  }
  auto general = std::find_if(index.manifests.begin(), index.manifests.end(),
                              [](const Descriptor& entry) { return !entry.platform; });
  return general == index.manifests.end() ? nullptr : &*general;
}

}  // namespace davit::images
