// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The sandbox in which a layer is unpacked, and its steps for other processes that read hostile files.
// Malicious archives have often made the tar readers of container engines write outside of the target
// directory; such a process has access to no other directory.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::images {

// For a process with one thread that was started as root; it must not have read any byte of the layer yet:
// - It gets its own mount, network, IPC, UTS and cgroup namespaces. The layer is the root directory, mounted
//   nodev, nosuid and noexec. Nothing else is mounted: no /proc, no /dev, no files of the host.
// - `layer_fd` and all other descriptors except 0, 1, 2, `report_fd` and the one after it are closed, because
//   ".." from them would lead outside.
// - The permitted capabilities are CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD and SETFCAP; the bounding set
//   is empty and no_new_privs is set. CAP_SYS_ADMIN, which trusted.overlay.opaque needs, is not among them:
//   it would allow mount(2) again, so the daemon sets that attribute.
// - Resource limits are only lowered, so this works for root without CAP_SYS_RESOURCE, too.
// - A seccomp filter allows only calls for files, memory and threads (syscall_filter.h).
// Returns the layer's directory as this process now sees it. After an error the process is only partly
// confined and must end.
Result<UniqueFd> Confine(int layer_fd, int report_fd);

// The steps of Confine, in their order.

// No new privileges, not dumpable, lower resource limits.
Result<> LimitOwnProcess(uint64_t open_files);

// A detached copy of the mount that a directory is on, from the directory on.
Result<UniqueFd> CloneTree(int dir_fd);

// Makes the detached mount `tree_fd` the root directory of new namespaces, in which nothing else is mounted
// except what is mounted below it. All of it becomes private and gets the attributes (MOUNT_ATTR_*, beside
// those above).
Result<> EnterTree(int tree_fd, uint64_t attributes);

// The bounding set becomes empty; these capabilities (bits) are permitted and effective.
Result<> DropCapabilities(uint64_t kept);

}  // namespace davit::images
