// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Memory and swap of a cgroup and its descendants, in bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "cri/stats/cgroup_files.h"

namespace davit::cri {

struct MemoryUse {
  uint64_t usage = 0;  // page cache included
  uint64_t active_file = 0;
  uint64_t inactive_file = 0;
  uint64_t rss = 0;    // anonymous
  uint64_t cache = 0;  // of files, tmpfs included
  uint64_t mapped_file = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  std::optional<uint64_t> limit;  // v1: the smallest of its ancestors and its own; v2: its own
  std::optional<uint64_t> swap;   // nullopt if the kernel does not count it
  std::optional<uint64_t> swap_limit;

  // Memory that the kernel cannot free by dropping file pages that were not used recently. Evictions are
  // based on this figure.
  uint64_t working_set() const { return usage - std::min(usage, inactive_file); }
  // The room up to the limit; nullopt without a limit.
  std::optional<uint64_t> available() const;
  std::optional<uint64_t> swap_available() const;
};

// nullopt without a memory controller.
std::optional<MemoryUse> ReadMemory(const CgroupFiles& files);

}  // namespace davit::cri
