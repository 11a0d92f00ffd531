// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the daemon puts pods that name no cgroup parent.
#pragma once

#include <string>

#include "cri/config/config.h"

namespace davit {

// The parent of the containers' cgroups, relative to every hierarchy's root.
inline std::string OwnCgroupOf(const Config& config, const std::string& sandbox_id) {
  std::string root = config.cgroup.root == "/" ? "" : config.cgroup.root;
  return root + "/davit/pods/" + sandbox_id;
}

}  // namespace davit
