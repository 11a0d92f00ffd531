// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The standard streams of a process, and who owns them.
//
// A program that opens /dev/stdout or /proc/self/fd/1 anew needs the rights of the pipe's inode, which
// belongs to who made it: root. So the pipes and sockets that the runtime made for one process belong to its
// user. What others have as well (/dev/null, a file, a terminal) keeps its owner.
#pragma once

#include <span>

#include "base/error.h"
#include "shim/init/process.h"
#include "shim/plan.h"

namespace davit {

// Puts descriptors at 0, 1 and 2.
Result<> SetStdio(const ProcessInputs& inputs, int root_fd);

// Gives those to a user other than root. In a user namespace they have to be its root's already.
Result<> GiveStdio(uint32_t uid);

// By the shim, which has the host's rights: gives the streams to the root of a user namespace, who can pass
// them on. Without one they are its root's already. -1 is no descriptor.
Result<> GiveToRootOf(const IdMap& ids, std::span<const int> streams);

}  // namespace davit
