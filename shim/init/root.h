// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's root directory.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Attaches the detached mount `rootfs` at kRootfsDir in the caller's mount namespace, which must have the
// shim's layout (own_mounts.h), with no propagation in or out. All other mounts are then attached below
// `rootfs`.
Result<> AttachRoot(int rootfs);

// Makes `rootfs` the caller's root directory and removes the old root from its mount namespace.
Result<> PivotInto(int rootfs);

}  // namespace davit::shim
