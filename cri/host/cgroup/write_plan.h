// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits translated into writes to cgroup files: plain data, made without touching the kernel.
// Sources: Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst of the kernel.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/resources.h"

namespace davit {

enum class CgroupMode {
  kV1,      // controllers on v1 hierarchies, no v2 mount
  kHybrid,  // controllers on v1; a v2 hierarchy beside them, used for killing and for counting processes
  kV2,
};

struct CgroupWrite {
  enum class OnError {
    kFail,
    kIgnoreMissing,  // a missing file or controller has the same effect as the write
    kRetryLast,  // refused while an older value of a sibling file stands: tried again after the other writes
  };

  std::string controller;
  std::string file;
  std::string value;
  OnError on_error = OnError::kFail;

  bool operator==(const CgroupWrite&) const = default;
};

// The writes, in order, that bring a cgroup from `current` to `wanted`. Only fields of `wanted` that are set
// cause any, and none that `current` has already. A field that `current` does not know is written whenever it
// is wanted; the order of dependent writes is then the one for a new cgroup.
Result<std::vector<CgroupWrite>> PlanWrites(CgroupMode mode, const CgroupResources& wanted,
                                            const CgroupResources& current);

// cpu.weight for cpu.shares: with L = log2(shares), 10^((L² + 125L)/612 - 7/34) rounded up. 2 → 1, 1024 →
// 100, 262144 → 10000: both scales' ends and defaults meet.
uint64_t CpuWeightFromShares(uint64_t shares);

// The same by cgroup version: kHybrid is v1 here.
Result<std::vector<CgroupWrite>> PlanV1Writes(const CgroupResources& wanted, const CgroupResources& current);
Result<std::vector<CgroupWrite>> PlanV2Writes(const CgroupResources& wanted, const CgroupResources& current);

}  // namespace davit
