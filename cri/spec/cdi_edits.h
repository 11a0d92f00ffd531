// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Devices of the Container Device Interface in a container's plan.
#pragma once

#include <vector>

#include "base/error.h"
#include "cri/host/cdi/spec.h"
#include "shim/plan.h"

namespace davit {

// Makes the changes in order, after everything that the request and the image say: variables, nodes and
// mounts replace those of the same name or path. What a description leaves out of a node (type and numbers)
// is looked up on the host; a node without an owner gets the container's user. kInvalidArgument for a mount
// that cannot be, kNotFound for a device that the host does not have.
Result<> ApplyCdiEdits(const std::vector<cdi::Edits>& edits, ContainerPlan& plan);

}  // namespace davit
