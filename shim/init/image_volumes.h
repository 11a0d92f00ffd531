// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Volumes that are images (KEP-4639). The daemon mounts them, because it knows the layers.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Stores the mount of every kImage step, or a mount of the directory in it that the step names, at the step's
// index in `sources` (sources.h). The caller must be in its own mount namespace and must not have attached
// its root yet.
Result<> TakeImageVolumes(const ContainerPlan& plan, std::vector<UniqueFd> images,
                          std::vector<UniqueFd>& sources);

}  // namespace davit::shim
