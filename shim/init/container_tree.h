// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's whole file tree: root, mounts, devices, masks.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/init/console.h"
#include "shim/init/container_init.h"

namespace davit::shim {

struct ContainerTree {
  UniqueFd root;
  Console console;  // when the plan asks for a terminal
};

// Builds the tree. The caller is then at its root, in a mount namespace that has nothing else, in the pod's
// and the container's other namespaces, and in the container's cgroups. With a user namespace the caller is
// inside that as well, and no mount of the tree can be removed or changed from there. Before the call, the
// caller must be in the PID namespace whose procfs the container gets, unless `inputs.procfs` is set.
Result<ContainerTree> BuildContainerTree(InitInputs& inputs);

}  // namespace davit::shim
