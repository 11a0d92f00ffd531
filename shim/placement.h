// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Settings that the shim applies to a child from outside, before it releases the child.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "shim/environment.h"
#include "shim/launch.h"

namespace davit::shim {

// Sets the rlimits and the OOM score. Without CAP_SYS_RESOURCE a hard limit cannot be raised and the score
// cannot be lowered: the limit is then set as high as allowed, the score is left unchanged, and both cases
// are logged.
Result<> Place(const Environment& env, pid_t pid, const Placement& placement);

}  // namespace davit::shim
