// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/resources.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {
namespace {

// kernel/sched/core.c: the bounds of a period, and the least quota.
constexpr int64_t kMinPeriod = 1'000;
constexpr int64_t kMaxPeriod = 1'000'000;
constexpr int64_t kMinQuota = 1'000;

std::unexpected<Error> BadField(std::string_view field, const std::string& value, std::string_view why) {
  return Fail(Code::kInvalidArgument, "check resources", std::string(field) + " = " + value, why);
}

std::unexpected<Error> BadField(std::string_view field, int64_t value, std::string_view why) {
  return BadField(field, std::to_string(value), why);
}

// "0-3,7": ascending ranges of numbers (cpuset(7), list format).
bool IsNumberList(std::string_view list) {
  const char* at = list.data();
  const char* end = at + list.size();
  auto number = [&at, end](uint32_t& value) {
    auto [rest, error] = std::from_chars(at, end, value);
    at = rest;
    return error == std::errc();
  };
  while (true) {
    uint32_t first = 0;
    if (!number(first)) return false;
    if (uint32_t last = 0; at != end && *at == '-') {
      ++at;
      if (!number(last) || last < first) return false;
    }
    if (at == end) return true;
    if (*at++ != ',') return false;
  }
}

// "2MB", "1GB", "64KB".
bool IsPageSize(std::string_view size) {
  uint64_t number = 0;
  auto [rest, error] = std::from_chars(size.data(), size.data() + size.size(), number);
  if (error != std::errc() || number == 0) return false;
  std::string_view unit(rest, static_cast<size_t>(size.data() + size.size() - rest));
  return unit == "KB" || unit == "MB" || unit == "GB";
}

Result<> TakeCpu(const runtime::v1::LinuxContainerResources& from, CgroupResources& to) {
  if (from.cpu_shares() < 0) return BadField("cpu_shares", from.cpu_shares(), "is negative");
  if (from.cpu_shares() != 0) to.cpu_shares = static_cast<uint64_t>(from.cpu_shares());

  int64_t period = from.cpu_period();
  if (period != 0 && (period < kMinPeriod || period > kMaxPeriod)) {
    return BadField("cpu_period", period, "must be between 1000 and 1000000 microseconds");
  }
  if (period != 0) to.cpu_period = static_cast<uint64_t>(period);

  int64_t quota = from.cpu_quota();
  if (quota < -1 || (quota > 0 && quota < kMinQuota)) {
    return BadField("cpu_quota", quota, "must be at least 1000 microseconds, or -1 for no limit");
  }
  if (quota != 0) to.cpu_quota = quota;
  return {};
}

Result<> TakeMemory(const runtime::v1::LinuxContainerResources& from, CgroupResources& to) {
  int64_t memory = from.memory_limit_in_bytes();
  int64_t swap = from.memory_swap_limit_in_bytes();
  if (memory < -1) return BadField("memory_limit_in_bytes", memory, "is negative");
  if (swap < -1) return BadField("memory_swap_limit_in_bytes", swap, "is negative");
  if (swap > 0 && memory > swap) {
    return BadField("memory_swap_limit_in_bytes", swap,
                    "is less than memory_limit_in_bytes, which it includes");
  }
  if (swap > 0 && memory == -1) {
    return BadField("memory_swap_limit_in_bytes", swap, "is set while memory_limit_in_bytes has no limit");
  }
  if (memory != 0) to.memory_limit = memory;
  if (swap != 0) to.memory_swap_limit = swap;
  return {};
}

Result<> TakeCpuset(const runtime::v1::LinuxContainerResources& from, CgroupResources& to) {
  if (const std::string& cpus = from.cpuset_cpus(); !cpus.empty()) {
    if (!IsNumberList(cpus)) return BadField("cpuset_cpus", cpus, "is not a list like \"0-3,7\"");
    to.cpuset_cpus = cpus;
  }
  if (const std::string& mems = from.cpuset_mems(); !mems.empty()) {
    if (!IsNumberList(mems)) return BadField("cpuset_mems", mems, "is not a list like \"0-1\"");
    to.cpuset_mems = mems;
  }
  return {};
}

Result<> TakeHugepages(const runtime::v1::LinuxContainerResources& from, CgroupResources& to) {
  std::set<std::string_view> sizes;
  for (const auto& limit : from.hugepage_limits()) {
    const std::string& size = limit.page_size();
    if (!IsPageSize(size)) return BadField("hugepage_limits.page_size", size, "is not a size like \"2MB\"");
    if (!sizes.insert(size).second) return BadField("hugepage_limits.page_size", size, "is there twice");
    to.hugepages.push_back({size, limit.limit()});
  }
  return {};
}

Result<> TakePids(const std::string& value, CgroupResources& to) {
  int64_t limit = -1;
  if (value != "max") {
    auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (bad != std::errc() || end != value.data() + value.size() || limit < 0)
      return BadField("unified", "pids.max=" + value, "is neither a number nor \"max\"");
  }
  to.pids_limit = limit;
  return {};
}

// The files that make or move processes and cgroups are not limits.
Result<> TakeUnified(const runtime::v1::LinuxContainerResources& from, CgroupResources& to) {
  for (const auto& [key, value] : from.unified()) {
    bool plain = key.find('/') == std::string::npos && key.find('\0') == std::string::npos;
    size_t dot = key.find('.');
    if (!plain || dot == 0 || dot == std::string::npos || key.starts_with("cgroup.")) {
      return BadField("unified", key, "is not the file of a controller");
    }
    if (key == "pids.max") {  // for which the CRI has no field, and cgroup v1 has the same file
      TRY(TakePids(value, to));
      continue;
    }
    to.unified.emplace(key, value);
  }
  return {};
}

}  // namespace

CgroupResources FreshCgroupResources() {
  CgroupResources fresh;
  fresh.cpu_shares = 1024;
  fresh.cpu_quota = -1;
  fresh.cpu_period = 100'000;
  fresh.cpu_burst = 0;
  fresh.memory_limit = -1;
  fresh.memory_swap_limit = -1;
  fresh.pids_limit = -1;
  return fresh;
}

Result<CgroupResources> ResourcesFromCri(const runtime::v1::LinuxContainerResources& resources) {
  CgroupResources result;
  TRY(TakeCpu(resources, result));
  TRY(TakeMemory(resources, result));
  TRY(TakeCpuset(resources, result));
  TRY(TakeHugepages(resources, result));
  TRY(TakeUnified(resources, result));
  return result;
}

}  // namespace davit::cri
