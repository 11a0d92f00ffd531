// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Mounts that map file owners through a user namespace (mount_setattr(2), "ID-mapped mounts").
#pragma once

#include <string_view>

#include "base/error.h"

namespace davit {

// Maps the file owners of this one mount through a user namespace. The mount must be detached and not
// idmapped yet. EINVAL, mostly a filesystem without support, is kFailedPrecondition.
Result<> IdmapMount(int mount_fd, int user_namespace, std::string_view subject);

}  // namespace davit
