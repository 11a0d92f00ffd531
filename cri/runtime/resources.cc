// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/resources.h"

namespace davit {

namespace v1 = ::runtime::v1;

void MergeResources(v1::LinuxContainerResources& into, const v1::LinuxContainerResources& change) {
  // MergeFrom overwrites scalars that are set and appends to lists, which is wrong for limits by page size.
  if (change.hugepage_limits_size() > 0) into.clear_hugepage_limits();
  into.MergeFrom(change);
}

v1::LinuxContainerResources AddOverhead(const v1::LinuxContainerResources& resources,
                                        const v1::LinuxContainerResources& overhead) {
  v1::LinuxContainerResources sum = resources;
  auto add = [](int64_t value, int64_t extra) { return value > 0 && extra > 0 ? value + extra : value; };
  sum.set_cpu_shares(add(resources.cpu_shares(), overhead.cpu_shares()));
  sum.set_memory_limit_in_bytes(add(resources.memory_limit_in_bytes(), overhead.memory_limit_in_bytes()));
  sum.set_memory_swap_limit_in_bytes(
      add(resources.memory_swap_limit_in_bytes(), overhead.memory_swap_limit_in_bytes()));
  // Quotas add up only over the same period.
  if (overhead.cpu_period() == 0 || overhead.cpu_period() == resources.cpu_period()) {
    sum.set_cpu_quota(add(resources.cpu_quota(), overhead.cpu_quota()));
  }
  return sum;
}

}  // namespace davit
