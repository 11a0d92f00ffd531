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

namespace davit {

// The program returns 1 for what the filter allows. It reads struct bpf_cgroup_dev_ctx.
std::vector<bpf_insn> BuildDeviceProgram(const DeviceFilter& filter);

// Programs in the kernel, one for each filter in use: nearly all containers share one. Thread-safe.
class DevicePrograms {
 public:
  // A program for the filter, loaded at its first use.
  Result<std::shared_ptr<UniqueFd>> Load(const DeviceFilter& filter);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<UniqueFd>> loaded_
      GUARDED_BY(mutex_);  // by the bytes of the instructions
};

// Makes `program` the only device program of the cgroup directory `cgroup`. One that is there already is
// replaced in one step: there is no moment without a filter. Programs of ancestors go on to apply.
Result<> AttachDeviceProgram(int cgroup, int program, const std::string& cgroup_path);

}  // namespace davit
