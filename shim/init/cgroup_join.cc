// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/cgroup_join.h"

namespace davit::shim {

Result<> JoinCgroups(const CgroupFds& cgroup) {
  for (size_t i = cgroup.unified ? 1 : 0; i < cgroup.procs.size(); ++i) {
    if (TEMP_FAILURE_RETRY(write(cgroup.procs[i].get(), "0", 1)) < 0) {
      return SystemError("join cgroup", "hierarchy " + std::to_string(i));
    }
  }
  return {};
}

}  // namespace davit::shim
