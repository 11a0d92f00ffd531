// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Relabels the files of a volume for a container that SELinux confines.
#pragma once

#include <string>

#include "base/error.h"

namespace davit::shim {

// Sets the SELinux context `context` on `source_fd` (O_PATH) and, if it is a directory, on everything in it,
// through descriptors alone: symlinks are not followed, other mounts are not touched, and files that have the
// context already are skipped. kPermissionDenied unless the path of `source_fd`, as the procfs `proc_fd`
// shows it, is below the directory `within` (base/path_components.h). A filesystem that is read-only or
// stores no contexts is left unchanged without an error; the policy then decides on access to its files.
// Changes the caller's working directory to "/".
Result<> Relabel(int source_fd, const std::string& context, const std::string& within, int proc_fd);

}  // namespace davit::shim
