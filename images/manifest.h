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
  // Of an artifact's layer: the path that the blob has in the volume, below its root. Empty: the blob is an
  // archive.
  std::string file_name = {};
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
  bool artifact = false;           // not a container image, but files for a volume (artifact.h)
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
// artifacts without file names (a Helm chart, a signature) and layer types that cannot be unpacked are
// kInvalidArgument; schema 1 is kUnimplemented.
//
// A manifest is an artifact if its config is of another type than an image's, or if it has an artifactType
// and files with names. They have the names of the annotation org.opencontainers.image.title, as `oras push`
// writes it, and without that the digits of their digest; one name is needed at least.
Result<std::variant<Manifest, Index>> ParseManifest(std::string_view json, std::string_view media_type);

// What a manifest or index consists of, whatever it is of: an image, an artifact, an attestation.
struct ManifestContent {
  std::vector<Descriptor> manifests;  // of an index
  std::vector<Descriptor> blobs;      // of a manifest: the layers, then the config
};

// For copies, which need to understand nothing else; ParseManifest is for images. `media_type` and the
// refusals of ambiguous documents and of schema 1 are as there.
Result<ManifestContent> ReadManifestContent(std::string_view json, std::string_view media_type);

// The entries of the index that may be for `host`, best first; those without a platform come last. The
// pointers are valid as long as `index`.
std::vector<const Descriptor*> PlatformEntries(const Index& index, const Platform& host);
// The first of them; null if there is none.
const Descriptor* ChoosePlatform(const Index& index, const Platform& host);

}  // namespace davit::images
