// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/idmapped_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

namespace davit {

Result<> IdmapMount(int mount_fd, int user_namespace, std::string_view subject) {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<uint64_t>(user_namespace);
  if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &change, sizeof change) == 0) return {};
  auto refused = SystemError("mount_setattr(IDMAP)", subject);
  if (refused.error().os_errno == EINVAL) {
    refused.error().code = Code::kFailedPrecondition;
    refused.error().context = "its filesystem does not allow idmapped mounts";
  }
  return refused;
}

}  // namespace davit
