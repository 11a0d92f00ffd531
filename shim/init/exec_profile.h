// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What confines a process from its next execve on: an AppArmor profile (aa_change_onexec(2)) or a SELinux
// context (setexeccon(3)). A kernel enforces one of the two, never both.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// Whether the plan has one.
bool HasExecProfile(const ProcessPlan& plan);

// The file of the calling process that takes what the plan has, in the procfs `proc_fd`, which nobody else
// can have touched: a container's own is never asked. It is good for this process alone, wherever that goes,
// and of no use to others. The process' keyrings belong to the SELinux context from now on.
Result<UniqueFd> OpenExecProfile(const ProcessPlan& plan, int proc_fd);

// The same by a procfs of the caller's PID namespace, made for this and gone again. The caller's mount
// namespace has to belong to the initial user namespace.
Result<UniqueFd> OpenExecProfileInside(const ProcessPlan& plan);

// kNotFound when the kernel has no such profile, kInvalidArgument when it knows no such context.
Result<> ChangeOnExec(const ProcessPlan& plan, int fd);

}  // namespace davit
