// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The size of the host's memory.
#pragma once

#include <sys/sysinfo.h>

#include <cstdint>

namespace davit {

// In bytes; 0 if the kernel does not say it (sysinfo(2)).
inline uint64_t HostMemory() {
  struct sysinfo host{};
  return sysinfo(&host) == 0 ? host.totalram * host.mem_unit : 0;
}

}  // namespace davit
