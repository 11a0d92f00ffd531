// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How davit-rootfs confines itself to the files of a container.
#pragma once

#include "base/error.h"
#include "local/rootfs/request.h"

namespace davit::local {

// For a process with one thread that was started as root. The tree of the request becomes its root directory,
// in namespaces of its own: of a running container a private copy of its mounts, so that the container's
// processes see nothing of this one. All of it is nodev, nosuid and noexec, and read-only unless the verb
// writes. Sources of mounts are opened before, targets in the new root; a target that is missing is made, or
// ignored if the verb only reads. Then all descriptors but 0, 1, 2, the report's and the base's are closed,
// capabilities are dropped to those that the verb needs, and a seccomp filter allows only calls for files,
// memory and threads. After an error the process is only partly confined and must end.
//
// This can hang as long as a source's filesystem wants.
Result<> EnterRootfs(const RootfsRequest& request);

}  // namespace davit::local
