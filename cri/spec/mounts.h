// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The mounts of a container.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/spec/pod_files.h"
#include "shim/plan.h"

namespace davit {

// A directory of the host in place of a volume that the image declares.
struct ImageVolume {
  std::string host_path;  // made by the daemon
  std::string target;
};

struct MountInputs {
  const ::runtime::v1::ContainerConfig& config;
  const PodFiles& files;
  const std::vector<ImageVolume>& volumes;
  const IdMap& ids;  // of the pod's user namespace
};

// Kernel filesystems, the pod's files, image volumes and the request's mounts, the one of two with the same
// target giving way to the later of this list. Parents come before what lies in them: sorted by depth,
// otherwise in this order. A request for /dev itself takes everything of ours below it away. kInvalidArgument
// for paths that are not absolute, the root as a target, and combinations that CRI rules out; kUnimplemented
// for image mounts.
Result<std::vector<MountStep>> ContainerMounts(const MountInputs& inputs);

// Parents before what lies in them, otherwise in the given order.
std::vector<MountStep> SortedByDepth(std::vector<MountStep> mounts);

// What the root mount's propagation has to be for the request's mounts to propagate.
Propagation RootPropagation(const std::vector<MountStep>& mounts);

}  // namespace davit
