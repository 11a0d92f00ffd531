// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One overlay mount, made detached (fsopen(2)), by whichever way this kernel offers.
// Documentation/filesystems/overlayfs.rst
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// What fsconfig(2) understands on this kernel beyond Linux 6.1.
struct OverlaySupport {
  bool lower_by_fd = false;    // "lowerdir+" with FSCONFIG_SET_FD: 6.13
  bool lower_by_path = false;  // "lowerdir+" with FSCONFIG_SET_STRING: 6.7
};

// Asks the running kernel; `dir_fd` is any directory of the filesystem that will hold the layers, O_RDONLY.
// Mounts nothing. kUnimplemented when there is no overlayfs at all.
Result<OverlaySupport> ProbeOverlay(int dir_fd);

// How to name the layers to the kernel, best first.
enum class OverlayMethod {
  kFds,        // each layer as a descriptor
  kPaths,      // each layer as a /proc/self/fd path
  kOneString,  // all of them in one fsconfig string
  kMountCall,  // all of them in the options page of mount(2), in a mount namespace of a thread's own
};

// fsconfig(2) takes strings shorter than this; mount(2) takes one page of options.
constexpr size_t kFsconfigStringLimit = 256;
constexpr size_t kMountOptionsLimit = 4096;
constexpr size_t kMaxOverlayLayers = 500;

// `string_size` and `options_size` are the lengths that kOneString's string and kMountCall's options would
// have. kInvalidArgument when no method can take that many layers.
Result<OverlayMethod> ChooseOverlayMethod(const OverlaySupport& support, size_t layers, size_t string_size,
                                          size_t options_size);

// All of them O_RDONLY, and open until the mount exists. `lowers` has the topmost layer first and is never
// empty. `upper` and `work` are on one filesystem; `work` has not been used by an earlier mount. Without them
// the overlay is read-only, and the kernel wants two lowers at least.
struct OverlayDirs {
  std::vector<UniqueFd> lowers;
  UniqueFd upper;
  UniqueFd work;
  std::vector<UniqueFd> mounts;  // what the lowers are on, when those are idmapped mounts of their own
};

// A detached mount, as a descriptor for move_mount(2). It is `volatile`: nothing in it is ever synced, and
// the kernel refuses to mount the same work directory a second time. An error carries what the kernel said
// about it. With a SELinux context all files have that one, and none is written to the layers.
Result<UniqueFd> MountOverlay(const OverlaySupport& support, const OverlayDirs& dirs,
                              const std::string& selinux_context = {});

}  // namespace davit
