// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resource limits as text (getrlimit(2)): "nofile=1024:524288", "core=0:unlimited", "memlock=unlimited".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace davit::cri {

struct Ulimit {
  uint32_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;      // RLIM_INFINITY: unlimited
  uint64_t hard = 0;

  bool operator==(const Ulimit&) const = default;
};

// Parses each text, in order. The name is that of RLIMIT_* in lower case, one value sets both limits, and
// "-1" means "unlimited". The error is a message about an invalid text: unknown name, invalid number, soft
// limit above the hard limit, or a name that occurs twice.
std::expected<std::vector<Ulimit>, std::string> ParseUlimits(const std::vector<std::string>& texts);

}  // namespace davit::cri
