// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The standard streams of a process, and their owner.
//
// A program that reopens /dev/stdout or /proc/self/fd/1 needs permissions on the pipe's inode, which belongs
// to its creator: root. So the pipes and sockets that the runtime has made for one process are given to its
// user. What other processes use as well (/dev/null, a file, a terminal) keeps its owner.
#pragma once

#include <span>

#include "base/error.h"
#include "shim/init/process.h"
#include "shim/plan.h"

namespace davit::shim {

// Duplicates `inputs.stdio` to 0, 1 and 2.
Result<> SetStdio(const ProcessInputs& inputs, int root_fd);

// Gives 0, 1 and 2 to `uid`, unless that is root. In a user namespace its root must own them already.
Result<> GiveStdio(uint32_t uid);

// Called by the shim, which has the host's rights: gives the streams to the root of the user namespace, who
// can then give them to others. No-op if `ids` is empty. -1 is ignored.
Result<> GiveToRootOf(const IdMap& ids, std::span<const int> streams);

}  // namespace davit::shim
