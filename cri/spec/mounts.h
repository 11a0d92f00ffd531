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

struct MountInputs {
  const ::runtime::v1::ContainerConfig& config;
  const PodFiles& files;
  const std::vector<std::string>& volumes;  // paths that the image declares
  const IdMap& ids;                         // of the pod's user namespace
};

// More would not fit into one frame to the shim.
constexpr int kMaxImageVolumes = 32;

// Kernel filesystems, the pod's files, the image's own volumes and the request's mounts, the one of two with
// the same target giving way to the later of this list. Parents come before what lies in them: sorted by
// depth, otherwise in this order. A request for /dev itself takes everything of ours below it away. Image
// volumes (KEP-4639) are numbered in the order of the request. kInvalidArgument for paths of the request that
// are not absolute, the root as a target, and combinations that CRI rules out.
Result<std::vector<MountStep>> ContainerMounts(const MountInputs& inputs);

// Parents before what lies in them, otherwise in the given order.
std::vector<MountStep> SortedByDepth(std::vector<MountStep> mounts);

// What the root mount's propagation has to be for the request's mounts to propagate.
Propagation RootPropagation(const std::vector<MountStep>& mounts);

}  // namespace davit
