// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a cgroup and those below it hold of memory and swap, in bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "cri/stats/cgroup_files.h"

namespace davit {

struct MemoryUse {
  uint64_t usage = 0;  // page cache included
  uint64_t active_file = 0;
  uint64_t inactive_file = 0;
  uint64_t rss = 0;    // anonymous
  uint64_t cache = 0;  // of files, tmpfs included
  uint64_t mapped_file = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  std::optional<uint64_t> limit;  // v1: the smallest on the way from the root; v2: its own
  std::optional<uint64_t> swap;   // none where the kernel does not count it
  std::optional<uint64_t> swap_limit;

  // What cannot be taken back by dropping file pages that nobody has used lately: what evictions look at.
  uint64_t working_set() const { return usage - std::min(usage, inactive_file); }
  // How much more fits; none without a limit.
  std::optional<uint64_t> available() const;
  std::optional<uint64_t> swap_available() const;
};

// None without a memory controller.
std::optional<MemoryUse> ReadMemory(const CgroupFiles& files);

}  // namespace davit
