// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroup of pods that name no cgroup parent.
#pragma once

#include <string>

#include "cri/config/config.h"

namespace davit::cri {

// The parent of the pod's container cgroups, relative to the root of every hierarchy.
inline std::string OwnCgroupOf(const Config& config, const std::string& sandbox_id) {
  std::string root = config.cgroup.root == "/" ? "" : config.cgroup.root;
  return root + "/davit/pods/" + sandbox_id;
}

}  // namespace davit::cri
