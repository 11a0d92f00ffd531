// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resource limits as text (getrlimit(2)): "nofile=1024:524288", "core=0:unlimited", "memlock=unlimited".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace davit {

struct Ulimit {
  uint32_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;      // RLIM_INFINITY: unlimited
  uint64_t hard = 0;

  bool operator==(const Ulimit&) const = default;
};

// One for each text, in their order. The error is a complaint about a text that is none: the name is the one
// of RLIMIT_* in lower case, one value is for both, "-1" is "unlimited", the soft limit is not above the hard
// one, and no name is there twice.
std::expected<std::vector<Ulimit>, std::string> ParseUlimits(const std::vector<std::string>& texts);

}  // namespace davit
