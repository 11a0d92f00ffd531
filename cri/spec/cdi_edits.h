// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Devices of the Container Device Interface in a container's plan.
#pragma once

#include <vector>

#include "base/error.h"
#include "cri/host/cdi/spec.h"
#include "shim/plan.h"

namespace davit::cri {

// Applies the edits in order to a plan that already contains all of the request and the image: variables,
// nodes and mounts replace those of the same name or path. Type and numbers that a description omits are read
// from the node on the host. A node without an owner gets the container's user, or root if that user is a
// name. kInvalidArgument for an invalid mount, kNotFound for a device that the host does not have.
Result<> ApplyCdiEdits(const std::vector<cdi::Edits>& edits, shim::ContainerPlan& plan);

}  // namespace davit::cri
