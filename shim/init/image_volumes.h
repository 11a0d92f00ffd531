// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Volumes that are images (KEP-4639): the daemon mounts them, for it knows the layers.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// Puts the mount of every kImage step, or a mount of the directory in it that the step names, to its place in
// `sources` (sources.h). The caller is in a mount namespace of its own and has not attached its root yet.
Result<> TakeImageVolumes(const ContainerPlan& plan, std::vector<UniqueFd> images,
                          std::vector<UniqueFd>& sources);

}  // namespace davit
