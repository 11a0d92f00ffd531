// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which image of an index can run on this host (OCI image-spec image-index.md; names are Go's GOOS and
// GOARCH).
#pragma once

#include <string>
#include <vector>

namespace davit::images {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;

  bool operator==(const Platform&) const = default;
  std::string ToString() const;  // "linux/arm/v7"
};

// The platform that this program was built for.
Platform HostPlatform();

// Converts alternative spellings to one form: "x86_64" is "amd64", "arm64/v8" is "arm64", "arm" is "arm/v7".
Platform Normalise(Platform platform);

// The platforms that a host of this platform can run, best first: an arm64 host also runs 32-bit ARM, v7
// before v6.
std::vector<Platform> Runnable(const Platform& host);

}  // namespace davit::images
