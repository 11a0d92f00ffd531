// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/cri_usage.h"

#include "base/time.h"
#include "cri/stats/pressure.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

void FillStall(const Stall& stall, v1::PsiData& data) {
  data.set_total(stall.total_us);
  data.set_avg10(stall.avg10);
  data.set_avg60(stall.avg60);
  data.set_avg300(stall.avg300);
}

template <typename Usage>
bool FillPressure(const CgroupFiles& files, const char* resource, Usage& usage) {
  std::optional<Pressure> pressure = ReadPressure(files, resource);
  if (!pressure) return false;
  FillStall(pressure->some, *usage.mutable_psi()->mutable_some());
  FillStall(pressure->full, *usage.mutable_psi()->mutable_full());
  return true;
}

}  // namespace

std::optional<uint64_t> ReadCpuTime(const CgroupFiles& files) {
  if (std::optional<uint64_t> v1_ns = files.Number("cpuacct", "cpuacct.usage")) return v1_ns;
  if (!files.V2("cpu")) return std::nullopt;
  std::optional<uint64_t> us = FindValue(files.Read("cpu", "cpu.stat").value_or(""), "usage_usec");
  return us ? std::optional(*us * 1000) : std::nullopt;
}

std::optional<v1::CpuUsage> CpuUsageOf(const CgroupFiles& files, CpuRate& rate) {
  std::optional<uint64_t> used = ReadCpuTime(files);
  if (!used) return std::nullopt;
  v1::CpuUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  usage.mutable_usage_core_nano_seconds()->set_value(*used);
  if (std::optional<uint64_t> nano_cores = rate.Add(MonotonicMilliseconds(), *used))
    usage.mutable_usage_nano_cores()->set_value(*nano_cores);
  FillPressure(files, "cpu", usage);
  return usage;
}

std::optional<v1::IoUsage> IoUsageOf(const CgroupFiles& files) {
  v1::IoUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  if (!FillPressure(files, "io", usage)) return std::nullopt;
  return usage;
}

std::optional<v1::ProcessUsage> ProcessUsageOf(const CgroupFiles& files) {
  // The kernel counts threads, and so does the limit that they run into.
  std::optional<uint64_t> tasks = files.Number("pids", "pids.current");
  if (!tasks) return std::nullopt;
  v1::ProcessUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  usage.mutable_process_count()->set_value(*tasks);
  return usage;
}

v1::MemoryUsage MemoryUsageOf(const CgroupFiles& files, const MemoryUse& use) {
  v1::MemoryUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  usage.mutable_working_set_bytes()->set_value(use.working_set());
  if (std::optional<uint64_t> available = use.available())
    usage.mutable_available_bytes()->set_value(*available);
  usage.mutable_usage_bytes()->set_value(use.usage);
  usage.mutable_rss_bytes()->set_value(use.rss);
  usage.mutable_page_faults()->set_value(use.page_faults);
  usage.mutable_major_page_faults()->set_value(use.major_page_faults);
  FillPressure(files, "memory", usage);
  return usage;
}

std::optional<v1::SwapUsage> SwapUsageOf(const MemoryUse& use) {
  if (!use.swap) return std::nullopt;
  v1::SwapUsage usage;
  usage.set_timestamp(UnixNanoseconds());
  usage.mutable_swap_usage_bytes()->set_value(*use.swap);
  if (std::optional<uint64_t> available = use.swap_available())
    usage.mutable_swap_available_bytes()->set_value(*available);
  return usage;
}

v1::FilesystemUsage FilesystemUsageOf(const std::string& mountpoint, const snapshotter::DiskUsage& disk,
                                      int64_t taken_at) {
  v1::FilesystemUsage usage;
  usage.set_timestamp(taken_at);
  usage.mutable_fs_id()->set_mountpoint(mountpoint);
  usage.mutable_used_bytes()->set_value(disk.bytes);
  usage.mutable_inodes_used()->set_value(disk.inodes);
  return usage;
}

}  // namespace davit::cri
