// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Manifests and indexes, OCI's and Docker schema 2's (OCI image-spec manifest.md, image-index.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "images/platform.h"

namespace davit {

struct Descriptor {
  std::string media_type;
  std::string digest;  // IsDigest
  int64_t size = 0;    // bytes, not negative
  std::optional<Platform> platform;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

struct Index {
  std::vector<Descriptor> manifests;
};

// What a client sends as Accept when it asks for a manifest.
constexpr std::string_view kManifestMediaTypes =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// `media_type` is what the descriptor or the registry said of the document; it may be empty or a general one
// such as application/json. A document that could be read as either kind, or that calls itself something else
// than it was announced as, is refused: two readers of one digest must not see two images. An image of
// another kind (a Helm chart, a signature) or a layer type that cannot be unpacked is kInvalidArgument;
// schema 1 is kUnimplemented.
Result<std::variant<Manifest, Index>> ParseManifest(std::string_view json, std::string_view media_type);

// The entry of the index that `host` runs best; null when there is none. Entries without a platform come
// last.
const Descriptor* ChoosePlatform(const Index& index, const Platform& host);

}  // namespace davit
