// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Mounts that show the ids of a user namespace (mount_setattr(2), "ID-mapped mounts").
#pragma once

#include <string_view>

#include "base/error.h"

namespace davit {

// Shows the files of this one mount, detached and not idmapped yet, with the ids of a user namespace.
// kFailedPrecondition where the filesystem does not allow that.
Result<> IdmapMount(int mount_fd, int user_namespace, std::string_view subject);

}  // namespace davit
