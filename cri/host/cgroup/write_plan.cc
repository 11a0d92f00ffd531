// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/write_plan.h"

namespace davit::cri {

Result<std::vector<CgroupWrite>> PlanWrites(CgroupMode mode, const CgroupResources& wanted,
                                            const CgroupResources& current) {
  return mode == CgroupMode::kV2 ? PlanV2Writes(wanted, current) : PlanV1Writes(wanted, current);
}

}  // namespace davit::cri
