// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pressure stall information (Documentation/accounting/psi.rst of the kernel).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cri/stats/cgroup_files.h"

namespace davit::cri {

struct Stall {
  uint64_t total_us = 0;
  double avg10 = 0;  // % of the last 10 s
  double avg60 = 0;
  double avg300 = 0;

  bool operator==(const Stall&) const = default;
};

struct Pressure {
  Stall some;  // at least one task waited
  Stall full;  // all tasks waited

  bool operator==(const Pressure&) const = default;
};

// The content of a *.pressure file; nullopt if it has no line "some".
std::optional<Pressure> ParsePressure(std::string_view text);

// `resource` is "cpu", "memory" or "io". nullopt on v1, and if the kernel does not count it.
std::optional<Pressure> ReadPressure(const CgroupFiles& files, const std::string& resource);

}  // namespace davit::cri
