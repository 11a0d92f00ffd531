// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The versions of the CNI specification that davit-bridge speaks.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace davit::cni {

// Oldest first. The order of the texts is that of the versions.
inline constexpr std::array<std::string_view, 5> kVersions = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
inline constexpr std::string_view kNewestVersion = kVersions.back();

inline bool IsSupportedVersion(std::string_view version) {
  return std::ranges::find(kVersions, version) != kVersions.end();
}

// Both must be supported.
inline bool IsSince(std::string_view version, std::string_view since) {
  return version >= since;
}

}  // namespace davit::cni
