// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The default sysctls of pods, which their own settings override.
#pragma once

#include "cri/config/config.h"
#include "cri/spec/sysctls.h"

namespace davit::cri {

inline SysctlDefaults SysctlDefaultsOf(const Config& config) {
  return {config.network.unprivileged_ports, config.network.unprivileged_icmp};
}

}  // namespace davit::cri
