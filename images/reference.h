// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Image references as people write them (the grammar of distribution/reference).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

struct Reference {
  std::string host;        // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest" when neither tag nor digest is written; empty when only a digest is
  std::string digest;      // "sha256:..." or empty

  // "docker.io/library/busybox".
  std::string Name() const { return host + "/" + repository; }
  // The full form. A digest wins over a tag written with it: "docker.io/library/busybox@sha256:..."
  std::string Normalised() const;
  // The short form that people read: "busybox:latest".
  std::string Familiar() const;
  // What the registry is asked for: the digest, else the tag.
  const std::string& Object() const { return digest.empty() ? tag : digest; }
};

// kInvalidArgument, naming the reference and what is wrong with it. 64 hexadecimal digits alone are refused:
// they would read as an image id.
Result<Reference> ParseReference(std::string_view text);

}  // namespace davit
