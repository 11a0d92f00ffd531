// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Mounts that are made first and attached later, by descriptors alone (fsopen, open_tree, move_mount,
// mount_setattr: kernel 5.12 and later). A detached mount goes away with its last descriptor.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// A new filesystem, detached. `options` as in MountStep; the kernel's own words on a bad one are in the
// error's context. With a SELinux context every file of it has that, whatever policy and attributes say.
Result<UniqueFd> NewFilesystem(const std::string& type, const std::string& options, uint64_t attributes,
                               const std::string& selinux_context = {});

// A detached copy of the mount at `path` below `dir_fd` (the mount that dir_fd is on, when `path` is empty),
// seen from that file or directory. It must be a mount of the caller's mount namespace.
Result<UniqueFd> CloneMount(int dir_fd, const std::string& path, bool recursive, std::string_view subject);

// Attaches `mount_fd` on the file or directory `target_fd`: nothing is looked up, so nothing can be swapped
// in between. kInvalidArgument when one is a directory and the other is not.
Result<> AttachMount(int mount_fd, int target_fd, std::string_view subject);

// Sets MOUNT_ATTR_* flags, clearing none.
Result<> SetMountAttributes(int mount_fd, uint64_t attributes, bool recursive, std::string_view subject);

// kShared leaves a mount that has a peer group in it and makes a group for one that has none.
Result<> SetPropagation(int mount_fd, Propagation propagation, bool recursive, std::string_view subject);

}  // namespace davit
