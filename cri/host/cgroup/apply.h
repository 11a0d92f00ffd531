// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Executes the plans of write_plan.h. Paths are relative to the roots of the hierarchies, as in hierarchy.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/hierarchy.h"
#include "cri/host/cgroup/write_plan.h"

namespace davit::cri {

using Hierarchies = std::span<const CgroupHierarchy>;

// The hierarchy that has the controller; null if none has it.
const CgroupHierarchy* FindController(Hierarchies hierarchies, std::string_view controller);

// Writes in order and stops at the first failure. A value that the kernel refuses is kInvalidArgument; a
// value in conflict with current use (EBUSY: a memory limit below the usage) is kFailedPrecondition, as is a
// missing controller. The subject of the error is the file and the value.
Result<> ApplyWrites(Hierarchies hierarchies, const std::string& path,
                     const std::vector<CgroupWrite>& writes);

// Reads those current values that the plan for `wanted` depends on: where two limits form a sum or share a
// file.
Result<CgroupResources> ReadCurrent(CgroupMode mode, Hierarchies hierarchies, const std::string& path,
                                    const CgroupResources& wanted);

// cgroup v2 kills processes to enforce a new memory limit below the usage, where v1 refuses the limit
// (EBUSY). This asks the kernel to reclaim the excess over `limit` bytes, and returns kFailedPrecondition if
// that does not suffice. No-op without a v2 memory controller and for a limit of -1.
Result<> MakeRoomFor(Hierarchies hierarchies, const std::string& path, int64_t limit);

// The number after `key` in a file of "key number" lines such as memory.events; 0 if the key is missing.
int64_t ValueOfKey(std::string_view text, std::string_view key);

}  // namespace davit::cri
