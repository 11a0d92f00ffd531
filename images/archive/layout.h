// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names in archives of images: the OCI image layout (image-spec image-layout.md) and Docker's docker-archive.
#pragma once

#include <string>

namespace davit::images {

inline constexpr char kLayoutFile[] = "oci-layout";
inline constexpr char kLayoutDocument[] = R"({"imageLayoutVersion":"1.0.0"})";
inline constexpr char kIndexFile[] = "index.json";
inline constexpr char kDockerFile[] = "manifest.json";

// Annotations of the entries in index.json. The first has the complete name, and is containerd's; the second
// is OCI's, with the tag alone or with whatever a tool calls the image.
inline constexpr char kImageNameAnnotation[] = "io.containerd.image.name";
inline constexpr char kRefNameAnnotation[] = "org.opencontainers.image.ref.name";

// "blobs/sha256/<hex>". `digest` is valid (IsDigest).
inline std::string BlobPath(std::string digest) {
  digest[digest.find(':')] = '/';
  return "blobs/" + digest;
}

}  // namespace davit::images
