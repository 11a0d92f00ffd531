// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Manifests and indexes of OCI and of Docker schema 2 (OCI image-spec manifest.md, image-index.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "images/platform.h"

namespace davit::images {

struct Descriptor {
  std::string media_type;
  std::string digest;  // IsDigest
  int64_t size = 0;    // bytes, not negative
  std::optional<Platform> platform;
  std::vector<std::string> urls;  // where else the content is, unchecked (foreign_layers.h)
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

struct Index {
  std::vector<Descriptor> manifests;
};

constexpr std::string_view kOciIndexMediaType = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kOciManifestMediaType = "application/vnd.oci.image.manifest.v1+json";

// The value of the Accept header in a request for a manifest.
constexpr std::string_view kManifestMediaTypes =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// `media_type` is the type that the descriptor or the registry gives; it may be empty or generic, such as
// application/json. A document that could be parsed as both kinds, or whose own or announced type is of the
// other kind, is refused: two clients must not see two different images under one digest. OCI's and Docker's
// types of one kind are the same here: registries and builders mix them, and the documents read alike. That,
// other artifacts (a Helm chart, a signature) and layer types that cannot be unpacked are kInvalidArgument;
// schema 1 is kUnimplemented.
Result<std::variant<Manifest, Index>> ParseManifest(std::string_view json, std::string_view media_type);

// The best entry of the index for `host`, null if no entry fits. An entry without a platform is the last
// choice. The pointer is valid as long as `index`.
const Descriptor* ChoosePlatform(const Index& index, const Platform& host);

}  // namespace davit::images
