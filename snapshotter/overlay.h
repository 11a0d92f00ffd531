// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates a detached overlay mount (fsopen(2)) by the best method that this kernel supports. See
// Documentation/filesystems/overlayfs.rst.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::snapshotter {

// Features of fsconfig(2) on this kernel that Linux 6.1 does not have.
struct OverlaySupport {
  bool lower_by_fd = false;    // "lowerdir+" with FSCONFIG_SET_FD: 6.13
  bool lower_by_path = false;  // "lowerdir+" with FSCONFIG_SET_STRING: 6.7
};

// Tests the running kernel without mounting anything. `dir_fd` is any directory (O_RDONLY) of the filesystem
// that will hold the layers. kUnimplemented if the kernel has no overlayfs.
Result<OverlaySupport> ProbeOverlay(int dir_fd);

// How the layers are passed to the kernel, best method first.
enum class OverlayMethod {
  kFds,        // each layer as a descriptor
  kPaths,      // each layer as a /proc/self/fd path
  kOneString,  // all of them in one fsconfig string
  kMountCall,  // all of them in the options of mount(2), on a thread with its own mount namespace
};

// Strings for fsconfig(2), and options for mount(2) (one page), must be shorter than these limits.
constexpr size_t kFsconfigStringLimit = 256;
constexpr size_t kMountOptionsLimit = 4096;
constexpr size_t kMaxOverlayLayers = 500;

// `string_size` and `options_size` are the lengths that kOneString's string and kMountCall's options would
// have. kInvalidArgument if no method supports that many layers.
Result<OverlayMethod> ChooseOverlayMethod(const OverlaySupport& support, size_t layers, size_t string_size,
                                          size_t options_size);

// The directories of one overlay. All are O_RDONLY and stay open until the mount exists. `lowers` has the
// topmost layer first and is never empty. `upper` and `work` are on the same filesystem, and no earlier mount
// has used `work`. Without these two the overlay is read-only, and the kernel requires at least two lowers.
struct OverlayDirs {
  std::vector<UniqueFd> lowers;
  UniqueFd upper;
  UniqueFd work;
  bool is_volatile = true;       // of a writable overlay
  std::vector<UniqueFd> mounts;  // the idmapped mounts of the lowers, if they have any
};

// Returns a detached mount, as a descriptor for move_mount(2). With `is_volatile` the files of a writable
// overlay are never synced, and the kernel refuses to mount the same work directory a second time; without,
// the end of the mount writes the filesystem of `upper` to the disk (syncfs(2)). An error includes
// the messages of the kernel. With a SELinux context all files appear with that context; no label is written
// to the layers.
Result<UniqueFd> MountOverlay(const OverlaySupport& support, const OverlayDirs& dirs,
                              const std::string& selinux_context = {});

}  // namespace davit::snapshotter
