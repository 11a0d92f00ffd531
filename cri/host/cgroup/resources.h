// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits of one cgroup, in the units of CRI and whatever the cgroup version.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace runtime::v1 {
class LinuxContainerResources;
}

namespace davit {

struct HugepageLimit {
  std::string page_size;  // "2MB": as in the names of the hugetlb files
  uint64_t bytes = 0;

  bool operator==(const HugepageLimit&) const = default;
};

// What is not set is left as it is. (The initializers let a caller name just the fields that it sets.)
struct CgroupResources {
  std::optional<uint64_t> cpu_shares = {};        // relative to 1024
  std::optional<int64_t> cpu_quota = {};          // µs per period; -1: none
  std::optional<uint64_t> cpu_period = {};        // µs
  std::optional<uint64_t> cpu_burst = {};         // µs
  std::optional<int64_t> memory_limit = {};       // bytes; -1: none
  std::optional<int64_t> memory_swap_limit = {};  // bytes of memory and swap together; -1: none
  std::optional<std::string> cpuset_cpus = {};    // "0-3,7"
  std::optional<std::string> cpuset_mems = {};
  std::optional<int64_t> pids_limit = {};  // -1: none
  std::vector<HugepageLimit> hugepages = {};
  std::map<std::string, std::string> unified = {};  // names and contents of v2 files, written last

  bool operator==(const CgroupResources&) const = default;
};

// What a cgroup has that was just made. The cpuset is left out: a new one has its parent's.
CgroupResources FreshCgroupResources();

// CRI's zeros and empty strings mean "not set". A value that no kernel takes is kInvalidArgument and names
// the field. oom_score_adj is the process's affair and ignored here.
Result<CgroupResources> ResourcesFromCri(const runtime::v1::LinuxContainerResources& resources);

}  // namespace davit
