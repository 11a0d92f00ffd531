// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits of one cgroup in the units of the CRI, for both cgroup versions.
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

namespace davit::cri {

struct HugepageLimit {
  std::string page_size;  // "2MB": as in the names of the hugetlb files
  uint64_t bytes = 0;

  bool operator==(const HugepageLimit&) const = default;
};

// Fields that are not set are left unchanged. (The initialisers let a caller name only the fields that it
// sets.)
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
  std::map<std::string, std::string> unified = {};  // v2 file names and their contents, written last

  bool operator==(const CgroupResources&) const = default;
};

// The values of a new cgroup. The cpuset is omitted: a new cgroup has that of its parent.
CgroupResources FreshCgroupResources();

// Zeros and empty strings in the CRI mean "not set". A value that no kernel accepts is kInvalidArgument and
// names the field. oom_score_adj is an attribute of the process and ignored here.
Result<CgroupResources> ResourcesFromCri(const runtime::v1::LinuxContainerResources& resources);

}  // namespace davit::cri
