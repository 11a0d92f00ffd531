// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's root directory.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// Attaches the detached mount `rootfs` in the caller's mount namespace, which has the shim's own layout
// (own_mounts.h), with no propagation in or out. Everything is then mounted below the descriptor.
Result<> AttachRoot(int rootfs);

// Makes `rootfs` the caller's root directory; what was the root before is gone from its mount namespace.
Result<> PivotInto(int rootfs);

}  // namespace davit
