// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The SELinux context of a file, which is an extended attribute (xattr(7)).
#pragma once

#include <sys/xattr.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

constexpr char kSeLinuxAttribute[] = "security.selinux";

// `fd` must be open for reading or writing: fsetxattr(2) fails with EBADF on an O_PATH descriptor.
inline Result<> SetSeLinuxContext(int fd, const std::string& context, std::string_view subject) {
  if (fsetxattr(fd, kSeLinuxAttribute, context.c_str(), context.size() + 1, 0) == 0) return {};
  return SystemError("fsetxattr " + context, subject);
}

}  // namespace davit
