// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/resources.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

namespace {

// What the kubelet sends for a pod that asks for no CPU: the least that there is, and nothing to add to.
constexpr int64_t kNoShares = 2;

int64_t AddShares(int64_t shares, int64_t extra) {
  if (shares <= 0 || extra <= kNoShares) return shares;
  return shares <= kNoShares ? extra : shares + extra;
}

}  // namespace

void MergeResources(v1::LinuxContainerResources& into, const v1::LinuxContainerResources& change) {
  int64_t oom_score_adj = into.oom_score_adj();
  // MergeFrom overwrites scalars that are set and appends to lists, which is wrong for limits by page size.
  if (change.hugepage_limits_size() > 0) into.clear_hugepage_limits();
  into.MergeFrom(change);
  into.set_oom_score_adj(oom_score_adj);
}

v1::LinuxContainerResources RecordedResources(const v1::ContainerConfig& config,
                                              const ContainerRecord& record) {
  v1::LinuxContainerResources resources;
  if (record.resources.empty() || !resources.ParseFromString(record.resources))
    return config.linux().resources();
  return resources;
}

v1::LinuxContainerResources AddOverhead(const v1::LinuxContainerResources& resources,
                                        const v1::LinuxContainerResources& overhead) {
  v1::LinuxContainerResources sum = resources;
  auto add = [](int64_t value, int64_t extra) { return value > 0 && extra > 0 ? value + extra : value; };
  sum.set_cpu_shares(AddShares(resources.cpu_shares(), overhead.cpu_shares()));
  sum.set_memory_limit_in_bytes(add(resources.memory_limit_in_bytes(), overhead.memory_limit_in_bytes()));
  sum.set_memory_swap_limit_in_bytes(
      add(resources.memory_swap_limit_in_bytes(), overhead.memory_swap_limit_in_bytes()));
  // Quotas add up only over the same period.
  if (overhead.cpu_period() == 0 || overhead.cpu_period() == resources.cpu_period()) {
    sum.set_cpu_quota(add(resources.cpu_quota(), overhead.cpu_quota()));
  }
  return sum;
}

}  // namespace davit::cri
