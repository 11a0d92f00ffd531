// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Image references as users write them (the grammar of distribution/reference).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::images {

struct Reference {
  std::string host;        // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest" if neither tag nor digest is given; empty if only a digest is
  std::string digest;      // "sha256:..." or empty

  // "docker.io/library/busybox".
  std::string Name() const { return host + "/" + repository; }
  // The full form. If there is a digest, the tag is omitted: "docker.io/library/busybox@sha256:..."
  std::string Normalised() const;
  // The short form for display: "busybox:latest".
  std::string Familiar() const;
  // The object to request from the registry: the digest, or the tag if there is no digest.
  const std::string& Object() const { return digest.empty() ? tag : digest; }
};

// kInvalidArgument names the reference and the problem. A reference of exactly 64 hexadecimal digits is
// refused, because it looks like an image id.
Result<Reference> ParseReference(std::string_view text);

}  // namespace davit::images
