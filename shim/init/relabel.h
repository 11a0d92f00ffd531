// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Files of a volume on their way into a container that SELinux confines.
#pragma once

#include <string>

#include "base/error.h"

namespace davit {

// Gives `source_fd` (O_PATH) and, if it is a directory, everything in it the SELinux context `context`,
// through descriptors alone: no symlink is followed, nothing on another mount is touched, and what has the
// context already is left alone. kPermissionDenied unless the path of `source_fd`, as the kernel tells it in
// the procfs `proc_fd`, lies below the directory `within` (base/path_components.h). A filesystem that is
// read-only or keeps no contexts stays as it is: what its files may be used for is the policy's to say.
// Leaves the caller in the root directory.
Result<> Relabel(int source_fd, const std::string& context, const std::string& within, int proc_fd);

}  // namespace davit
