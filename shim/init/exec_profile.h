// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The AppArmor profile that a process has from its next execve on (aa_change_onexec(2)).
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// The file of the calling process that takes the name, in the procfs `proc_fd`, which nobody else can have
// touched: a container's own is never asked. It is good for this process alone, wherever that goes, and of no
// use to others.
Result<UniqueFd> OpenExecProfile(int proc_fd);

// The same by a procfs of the caller's PID namespace, made for this and gone again. The caller's mount
// namespace has to belong to the initial user namespace.
Result<UniqueFd> OpenExecProfileInside();

// kNotFound when the kernel has no such profile.
Result<> ChangeProfileOnExec(int fd, const std::string& profile);

}  // namespace davit
