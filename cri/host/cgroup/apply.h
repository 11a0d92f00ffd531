// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Executes what write_plan.h plans. Paths are relative to the roots of the hierarchies, as in hierarchy.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/hierarchy.h"
#include "cri/host/cgroup/write_plan.h"

namespace davit {

using Hierarchies = std::span<const CgroupHierarchy>;

// The hierarchy that has a controller; null when none has.
const CgroupHierarchy* FindController(Hierarchies hierarchies, std::string_view controller);

// Does the writes in order and stops at the first failure. A value that the kernel refuses is
// kInvalidArgument, one that conflicts with what is in use (EBUSY: memory below the usage)
// kFailedPrecondition; the subject is file and value.
Result<> ApplyWrites(Hierarchies hierarchies, const std::string& path,
                     const std::vector<CgroupWrite>& writes);

// Of the values that stand, those that a plan for `wanted` depends on: what a sum or a shared file needs.
Result<CgroupResources> ReadCurrent(CgroupMode mode, Hierarchies hierarchies, const std::string& path,
                                    const CgroupResources& wanted);

// v2 kills processes to bring a cgroup below a new memory limit, where v1 refuses the limit (EBUSY). This
// asks the kernel to reclaim what is above `limit`, and refuses it, kFailedPrecondition, when that does not
// suffice. Nothing to do without a v2 memory controller, or for a limit of -1.
Result<> MakeRoomFor(Hierarchies hierarchies, const std::string& path, int64_t limit);

// The number behind `key` in a file of "key number" lines such as memory.events; 0 when it is not there.
int64_t ValueOfKey(std::string_view text, std::string_view key);

}  // namespace davit
