// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Mounts that are created first and attached later, by descriptors alone (fsopen, open_tree, move_mount,
// mount_setattr: kernel 5.12 and later). A detached mount is destroyed when its last descriptor is closed.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Creates a new filesystem as a detached mount. `options` is as in MountStep; if an option is bad, the
// kernel's message is in the error's context. With an SELinux context, every file of the filesystem has that
// context, regardless of policy and attributes.
Result<UniqueFd> NewFilesystem(const std::string& type, const std::string& options, uint64_t attributes,
                               const std::string& selinux_context = {});

// Returns a detached copy of the mount at `path` below `dir_fd`, or of the mount that `dir_fd` is on if
// `path` is empty; that file or directory is its root. The mount must be in the caller's mount namespace.
Result<UniqueFd> CloneMount(int dir_fd, const std::string& path, bool recursive, std::string_view subject);

// Attaches `mount_fd` on the file or directory `target_fd`. No path is looked up, so none can be swapped
// meanwhile. kInvalidArgument if one is a directory and the other is not.
Result<> AttachMount(int mount_fd, int target_fd, std::string_view subject);

// Sets MOUNT_ATTR_* flags and clears none. A new access-time mode replaces the old one.
Result<> SetMountAttributes(int mount_fd, uint64_t attributes, bool recursive, std::string_view subject);

// kShared keeps a mount's peer group, and creates one if there is none.
Result<> SetPropagation(int mount_fd, Propagation propagation, bool recursive, std::string_view subject);

}  // namespace davit::shim
