// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much a cgroup has read from and written to block devices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cri/stats/cgroup_files.h"

namespace davit::cri {

struct DeviceIo {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t reads = 0;
  uint64_t written_bytes = 0;
  uint64_t writes = 0;

  bool operator==(const DeviceIo&) const = default;
};

// One entry per device, sorted by number; empty without the controller.
std::vector<DeviceIo> ReadDiskIo(const CgroupFiles& files);

// "/dev/sda", or "8:0" for a device that the host no longer has.
std::string DeviceName(uint32_t major, uint32_t minor);

}  // namespace davit::cri
