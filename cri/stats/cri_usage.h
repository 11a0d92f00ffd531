// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fills the CRI messages with figures.
#pragma once

#include <optional>

#include "api/cri/v1/api.pb.h"
#include "cri/stats/cgroup_files.h"
#include "cri/stats/cpu_rate.h"
#include "cri/stats/memory.h"
#include "snapshotter/disk_usage.h"

namespace davit::cri {

// The CPU time used since the cgroup was created, in nanoseconds.
std::optional<uint64_t> ReadCpuTime(const CgroupFiles& files);

// The usage of a cgroup. Figures that this host does not count are omitted; the result is nullopt if there
// are none. Timestamps are the time of the call.
std::optional<::runtime::v1::CpuUsage> CpuUsageOf(const CgroupFiles& files, CpuRate& rate);
std::optional<::runtime::v1::IoUsage> IoUsageOf(const CgroupFiles& files);
std::optional<::runtime::v1::ProcessUsage> ProcessUsageOf(const CgroupFiles& files);
::runtime::v1::MemoryUsage MemoryUsageOf(const CgroupFiles& files, const MemoryUse& use);
std::optional<::runtime::v1::SwapUsage> SwapUsageOf(const MemoryUse& use);

// The usage `disk` on the filesystem of `mountpoint`, measured at `taken_at` (nanoseconds since 1970).
::runtime::v1::FilesystemUsage FilesystemUsageOf(const std::string& mountpoint,
                                                 const snapshotter::DiskUsage& disk, int64_t taken_at);

}  // namespace davit::cri
