// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The resource limits of containers and of execs in them (getrlimit(2)).
//
// None is inherited from the daemon, whose own are raised by its unit: a program that closes every descriptor
// up to its limit takes minutes with a million of them, and select(2) ends at 1024.
#pragma once

#include <string>
#include <vector>

#include "shim/plan.h"

namespace davit {

// Every limit but RLIMIT_SIGPENDING, which the kernel derives from the host's memory: what Linux and systemd
// give a service by default, except that core and nproc are unlimited, as under other runtimes. `configured`
// replaces and adds.
std::vector<Rlimit> DefaultRlimits(const std::vector<Rlimit>& configured);

// What a process without CAP_SYS_RESOURCE can set: lowers those that are above `own` hard limits. Returns the
// names of what was lowered, for the log.
std::vector<std::string> LowerToReachable(const std::vector<Rlimit>& own, std::vector<Rlimit>& wanted);

// The calling process' own.
std::vector<Rlimit> OwnRlimits();

}  // namespace davit
