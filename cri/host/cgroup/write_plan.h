// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Translates limits into writes to cgroup files: plain data, computed without access to the kernel. Sources:
// Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst of the kernel.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/resources.h"

namespace davit::cri {

enum class CgroupMode {
  kV1,      // controllers on v1 hierarchies, no v2 mount
  kHybrid,  // controllers on v1, and a v2 hierarchy for killing and counting processes
  kV2,
};

struct CgroupWrite {
  enum class OnError {
    kFail,
    kIgnoreMissing,  // without the file or controller, no write is needed
    kRetryLast,      // may conflict with the old value of a sibling file: retried after the other writes
  };

  std::string controller;
  std::string file;
  std::string value;
  OnError on_error = OnError::kFail;

  bool operator==(const CgroupWrite&) const = default;
};

// The ordered writes that bring a cgroup from `current` to `wanted`. Only the set fields of `wanted` that
// differ from `current` are written. A field that is unknown in `current` is always written; the order of
// dependent writes is then that for a new cgroup.
Result<std::vector<CgroupWrite>> PlanWrites(CgroupMode mode, const CgroupResources& wanted,
                                            const CgroupResources& current);

// cpu.weight for cpu.shares: with L = log2(shares), 10^((L² + 125L)/612 - 7/34), rounded up. The ends and
// defaults of both scales correspond: 2 → 1, 1024 → 100, 262144 → 10000.
uint64_t CpuWeightFromShares(uint64_t shares);

// PlanWrites for each cgroup version; kHybrid uses the v1 one.
Result<std::vector<CgroupWrite>> PlanV1Writes(const CgroupResources& wanted, const CgroupResources& current);
Result<std::vector<CgroupWrite>> PlanV2Writes(const CgroupResources& wanted, const CgroupResources& current);

}  // namespace davit::cri
