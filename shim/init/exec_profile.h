// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What confines a process from its next execve on: an AppArmor profile (aa_change_onexec(2)) or a SELinux
// context (setexeccon(3)). A kernel enforces one of the two, never both.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Whether the plan has one.
bool HasExecProfile(const ProcessPlan& plan);

// Opens the caller's attribute file for the plan's profile in the procfs `proc_fd`. No container must have
// been able to change that procfs, so never pass a container's own. The descriptor works for the calling
// process only, also after it has changed namespaces. Keyrings that the process creates from now on get the
// SELinux context.
Result<UniqueFd> OpenExecProfile(const ProcessPlan& plan, int proc_fd);

// The same with a temporary procfs of the caller's PID namespace. The caller's mount namespace must belong to
// the initial user namespace.
Result<UniqueFd> OpenExecProfileInside(const ProcessPlan& plan);

// Makes the profile apply from the next execve on; `fd` is from OpenExecProfile. kNotFound if the kernel has
// no such profile, kInvalidArgument if it does not know the context.
Result<> ChangeOnExec(const ProcessPlan& plan, int fd);

}  // namespace davit::shim
