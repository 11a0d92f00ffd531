// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the shim does to a child from outside, before the child goes on.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "shim/environment.h"
#include "shim/launch.h"

namespace davit {

// Rlimits and OOM score. A host without CAP_SYS_RESOURCE cannot raise hard limits or lower the score: both
// are then set as far as it may, and that is logged.
Result<> Place(const Environment& env, pid_t pid, const Placement& placement);

}  // namespace davit
