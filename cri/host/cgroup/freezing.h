// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Freezes the processes of a cgroup and those below it, and lets them go on. Paths are relative, as in
// hierarchy.h.
//
// The v2 hierarchy does it if there is one, also beside v1: what it has frozen can still be killed. A process
// that v1's freezer has stopped would not die (freezer-subsystem.rst).
#pragma once

#include <string>

#include "base/error.h"
#include "cri/host/cgroup/apply.h"

namespace davit::cri {

constexpr int kFreezeTimeoutMs = 5'000;

// Waits until all are frozen. kDeadlineExceeded if some cannot be, because the kernel is busy for them: then
// all go on. kUnimplemented if the host has no freezer.
Result<> FreezeCgroup(Hierarchies hierarchies, const std::string& path, int timeout_ms);
// Does not wait. Succeeds for a cgroup that is not frozen or does not exist.
Result<> ThawCgroup(Hierarchies hierarchies, const std::string& path);
// Whether it was asked to freeze, and not to go on since; false if it does not exist.
Result<bool> IsCgroupFrozen(Hierarchies hierarchies, const std::string& path);

}  // namespace davit::cri
