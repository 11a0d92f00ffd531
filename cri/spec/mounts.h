// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The mounts of a container.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/spec/pod_files.h"
#include "shim/plan.h"

namespace davit::cri {

// A new tmpfs at a path of the container, for which the CRI has no words.
struct TmpfsRequest {
  std::string target;
  std::string options = {};  // as fsconfig(2) takes them: "mode=1777,size=65536"
  uint64_t attributes = 0;   // MOUNT_ATTR_*
};

struct MountInputs {
  const ::runtime::v1::ContainerConfig& config;
  const PodFiles& files;
  const std::vector<std::string>& volumes;  // paths that the image declares
  const shim::IdMap& ids;                   // of the pod's user namespace
  // Container paths of the request's binds whose sources are not made if they are missing.
  const std::set<std::string>& required_sources;
  std::vector<TmpfsRequest> tmpfs = {};
};

// A larger number would not fit into one frame to the shim.
constexpr int kMaxImageVolumes = 32;

// Kernel filesystems, the pod's files, the volumes that the image declares, and what is requested. Of two
// with the same target, the later kind in this list wins. Parents come before the mounts inside them: sorted
// by depth, otherwise in this order. A volume or request for /dev itself removes the mounts of earlier kinds
// below it. Image volumes (KEP-4639) are numbered in the order of the request. kInvalidArgument for paths of
// the request that are not absolute, the root as a target, and combinations that the CRI forbids.
Result<std::vector<shim::MountStep>> ContainerMounts(const MountInputs& inputs);

// Sorts parents before the mounts inside them, otherwise keeps the order.
std::vector<shim::MountStep> SortedByDepth(std::vector<shim::MountStep> mounts);

// The propagation that the root mount needs so that the request's mounts propagate.
shim::Propagation RootPropagation(const std::vector<shim::MountStep>& mounts);

}  // namespace davit::cri
