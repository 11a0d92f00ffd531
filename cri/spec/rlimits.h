// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The resource limits of containers and of execs in them (getrlimit(2)).
//
// They are not inherited from the daemon, whose systemd unit raises its limits: with a limit of a million
// descriptors, a program that closes all possible descriptors takes minutes, and select(2) supports only
// 1024.
#pragma once

#include <string>
#include <vector>

#include "shim/plan.h"

namespace davit::cri {

// Every limit except RLIMIT_SIGPENDING, which the kernel derives from the host's memory. The values are the
// defaults of Linux and systemd for a service, except that core and nproc are unlimited, as in other
// runtimes. Limits in `configured` replace these or are added.
std::vector<shim::Rlimit> DefaultRlimits(const std::vector<shim::Rlimit>& configured);

// Reduces `wanted` to what a process without CAP_SYS_RESOURCE can set: lowers limits that are above the hard
// limits in `own`. Returns a text for each lowered limit, for the log ("limit 7 to 4096").
std::vector<std::string> LowerToReachable(const std::vector<shim::Rlimit>& own,
                                          std::vector<shim::Rlimit>& wanted);

// The limits of the calling process.
std::vector<shim::Rlimit> OwnRlimits();

}  // namespace davit::cri
