// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cri/host/cgroup/write_plan.h"

namespace davit::cri {
namespace {

using OnError = CgroupWrite::OnError;
using Writes = std::vector<CgroupWrite>;

template <typename T>
bool Changes(const std::optional<T>& wanted, const std::optional<T>& current) {
  return wanted && wanted != current;
}

std::string NumberOrMax(int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

// cpu.max holds both values, so the one that is not wanted is written as it stands.
void PlanCpu(const CgroupResources& wanted, const CgroupResources& current, Writes& writes) {
  if (Changes(wanted.cpu_shares, current.cpu_shares)) {
    writes.push_back({"cpu", "cpu.weight", std::to_string(CpuWeightFromShares(*wanted.cpu_shares))});
  }
  // Refused while it is above the quota that stands.
  if (Changes(wanted.cpu_burst, current.cpu_burst)) {
    writes.push_back({"cpu", "cpu.max.burst", std::to_string(*wanted.cpu_burst), OnError::kRetryLast});
  }
  if (Changes(wanted.cpu_quota, current.cpu_quota) || Changes(wanted.cpu_period, current.cpu_period)) {
    int64_t quota = wanted.cpu_quota.value_or(current.cpu_quota.value_or(-1));
    uint64_t period = wanted.cpu_period.value_or(current.cpu_period.value_or(100'000));
    writes.push_back({"cpu", "cpu.max", NumberOrMax(quota) + ' ' + std::to_string(period)});
  }
}

// memory.swap.max counts swap alone. Where there is no swap accounting the file is missing, and its absence
// means as much as 0 (none to be had) and max.
Result<> PlanMemory(const CgroupResources& wanted, const CgroupResources& current, Writes& writes) {
  std::optional<int64_t> sum = wanted.memory_swap_limit;
  if (!sum && wanted.memory_limit == -1) sum = -1;
  bool unlimited_already = sum == -1 && current.memory_swap_limit == -1;
  if (sum && !unlimited_already) {
    int64_t memory = wanted.memory_limit.value_or(current.memory_limit.value_or(-1));
    if (*sum != -1 && (memory == -1 || memory > *sum)) {
      return Fail(Code::kInvalidArgument, "plan cgroup", "memory_swap_limit = " + std::to_string(*sum),
                  "does not go with a memory limit of " + NumberOrMax(memory));
    }
    int64_t swap = *sum == -1 ? -1 : *sum - memory;
    writes.push_back({"memory", "memory.swap.max", NumberOrMax(swap),
                      swap <= 0 ? OnError::kIgnoreMissing : OnError::kFail});
  }
  if (Changes(wanted.memory_limit, current.memory_limit)) {
    writes.push_back({"memory", "memory.max", NumberOrMax(*wanted.memory_limit)});
  }
  return {};
}

void PlanHugepages(const CgroupResources& wanted, Writes& writes) {
  for (const HugepageLimit& limit : wanted.hugepages) {
    // The kubelet sends 0 for every size that a pod does not ask for, also where there is no such controller.
    OnError on_error = limit.bytes == 0 ? OnError::kIgnoreMissing : OnError::kFail;
    std::string prefix = "hugetlb." + limit.page_size;
    std::string bytes = std::to_string(limit.bytes);
    writes.push_back({"hugetlb", prefix + ".max", bytes, on_error});
    writes.push_back({"hugetlb", prefix + ".rsvd.max", bytes, OnError::kIgnoreMissing});
  }
}

// Files such as io.max take one line per write.
void PlanUnified(const CgroupResources& wanted, Writes& writes) {
  for (const auto& [file, content] : wanted.unified) {
    std::string controller = file.substr(0, file.find('.'));
    std::string_view rest = content;
    do {
      size_t end = std::min(rest.find('\n'), rest.size());
      writes.push_back({controller, file, std::string(rest.substr(0, end))});
      rest.remove_prefix(std::min(end + 1, rest.size()));
    } while (!rest.empty());
  }
}

}  // namespace

uint64_t CpuWeightFromShares(uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262'144) return 10'000;
  double l = std::log2(static_cast<double>(shares));
  double weight = std::pow(10.0, (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0);
  // 1024 is meant to be 100 exactly: rounding up must not see the last bits of the logarithm.
  return static_cast<uint64_t>(std::ceil(weight - 1e-9));
}

Result<Writes> PlanV2Writes(const CgroupResources& wanted, const CgroupResources& current) {
  Writes writes;
  PlanCpu(wanted, current, writes);
  TRY(PlanMemory(wanted, current, writes));
  if (Changes(wanted.cpuset_cpus, current.cpuset_cpus)) {
    writes.push_back({"cpuset", "cpuset.cpus", *wanted.cpuset_cpus});
  }
  if (Changes(wanted.cpuset_mems, current.cpuset_mems)) {
    writes.push_back({"cpuset", "cpuset.mems", *wanted.cpuset_mems});
  }
  if (Changes(wanted.pids_limit, current.pids_limit)) {
    int64_t limit = *wanted.pids_limit;
    // A container without any process is of no use: 0 is taken as the least that is.
    writes.push_back({"pids", "pids.max", NumberOrMax(limit < 0 ? -1 : std::max<int64_t>(limit, 1))});
  }
  PlanHugepages(wanted, writes);
  PlanUnified(wanted, writes);
  return writes;
}

}  // namespace davit::cri
