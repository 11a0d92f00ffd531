// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <utility>

#include "cri/host/cgroup/write_plan.h"

namespace davit::cri {
namespace {

using OnError = CgroupWrite::OnError;
using Writes = std::vector<CgroupWrite>;

template <typename T>
bool Changes(const std::optional<T>& wanted, const std::optional<T>& current) {
  return wanted && wanted != current;
}

// The kernel checks burst against quota, and quota per period against the parent's, at each write with the
// values that stand then: a burst or a period that the old quota forbids is tried again after the new one.
void PlanCpu(const CgroupResources& wanted, const CgroupResources& current, Writes& writes) {
  if (Changes(wanted.cpu_shares, current.cpu_shares)) {
    writes.push_back({"cpu", "cpu.shares", std::to_string(std::max<uint64_t>(*wanted.cpu_shares, 2))});
  }
  if (Changes(wanted.cpu_burst, current.cpu_burst)) {
    writes.push_back({"cpu", "cpu.cfs_burst_us", std::to_string(*wanted.cpu_burst), OnError::kRetryLast});
  }
  if (Changes(wanted.cpu_period, current.cpu_period)) {
    writes.push_back({"cpu", "cpu.cfs_period_us", std::to_string(*wanted.cpu_period), OnError::kRetryLast});
  }
  if (Changes(wanted.cpu_quota, current.cpu_quota)) {
    writes.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(*wanted.cpu_quota)});
  }
}

// -1 is the largest.
bool Less(int64_t a, int64_t b) {
  return a != -1 && (b == -1 || a < b);
}

// memsw may never be below the memory limit, so the limit that gives room goes first. Without swap accounting
// there are no memsw files, and no swap either for a cgroup whose memory is all that it may have.
void PlanMemory(const CgroupResources& wanted, const CgroupResources& current, Writes& writes) {
  std::optional<int64_t> swap = wanted.memory_swap_limit;
  // "No limit" would be refused while a limit on the sum stands.
  if (!swap && wanted.memory_limit == -1) swap = -1;

  Writes both;
  if (Changes(wanted.memory_limit, current.memory_limit)) {
    both.push_back({"memory", "memory.limit_in_bytes", std::to_string(*wanted.memory_limit)});
  }
  if (Changes(swap, current.memory_swap_limit)) {
    bool nothing_to_limit = *swap == -1 || swap == wanted.memory_limit;
    both.push_back({"memory", "memory.memsw.limit_in_bytes", std::to_string(*swap),
                    nothing_to_limit ? OnError::kIgnoreMissing : OnError::kFail});
  }
  bool raises_sum = swap && current.memory_swap_limit && Less(*current.memory_swap_limit, *swap);
  if (both.size() == 2 && raises_sum) std::swap(both[0], both[1]);
  writes.insert(writes.end(), both.begin(), both.end());
}

void PlanHugepages(const CgroupResources& wanted, Writes& writes) {
  for (const HugepageLimit& limit : wanted.hugepages) {
    // The kubelet sends 0 for every size that a pod does not ask for, also where there is no such controller.
    OnError on_error = limit.bytes == 0 ? OnError::kIgnoreMissing : OnError::kFail;
    std::string prefix = "hugetlb." + limit.page_size;
    std::string bytes = std::to_string(limit.bytes);
    writes.push_back({"hugetlb", prefix + ".limit_in_bytes", bytes, on_error});
    writes.push_back({"hugetlb", prefix + ".rsvd.limit_in_bytes", bytes, OnError::kIgnoreMissing});
  }
}

}  // namespace

Result<Writes> PlanV1Writes(const CgroupResources& wanted, const CgroupResources& current) {
  if (!wanted.unified.empty()) {
    return Fail(Code::kInvalidArgument, "plan cgroup", "unified", "this host has cgroup v1");
  }
  Writes writes;
  PlanCpu(wanted, current, writes);
  PlanMemory(wanted, current, writes);
  if (Changes(wanted.cpuset_cpus, current.cpuset_cpus)) {
    writes.push_back({"cpuset", "cpuset.cpus", *wanted.cpuset_cpus});
  }
  if (Changes(wanted.cpuset_mems, current.cpuset_mems)) {
    writes.push_back({"cpuset", "cpuset.mems", *wanted.cpuset_mems});
  }
  if (Changes(wanted.pids_limit, current.pids_limit)) {
    int64_t limit = *wanted.pids_limit;
    // A container without any process is of no use: 0 is taken as the least that is.
    writes.push_back({"pids", "pids.max", limit < 0 ? "max" : std::to_string(std::max<int64_t>(limit, 1))});
  }
  PlanHugepages(wanted, writes);
  return writes;
}

}  // namespace davit::cri
