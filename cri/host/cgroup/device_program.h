// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The device filter of cgroup v2: a BPF program of type CGROUP_DEVICE (bpf(2), cgroup-v2.rst "Device
// controller").
#pragma once

#include <linux/bpf.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/device_filter.h"

namespace davit::cri {

// The program returns 1 if the filter allows the access, else 0. Its context is struct bpf_cgroup_dev_ctx.
std::vector<bpf_insn> BuildDeviceProgram(const DeviceFilter& filter);

// Loaded programs, one per distinct filter: nearly all containers share one. Thread-safe.
class DevicePrograms {
 public:
  // The program for the filter; loaded on first use.
  Result<std::shared_ptr<UniqueFd>> Load(const DeviceFilter& filter);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<UniqueFd>> loaded_
      GUARDED_BY(mutex_);  // keyed by the bytes of the instructions
};

// Makes `program` the only device program of the cgroup whose directory is `cgroup`. An existing program is
// replaced atomically, without a moment that has no filter. Programs of ancestors still apply.
Result<> AttachDeviceProgram(int cgroup, int program, const std::string& cgroup_path);

}  // namespace davit::cri
