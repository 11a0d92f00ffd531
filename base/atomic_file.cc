// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/atomic_file.h"

#include <stdio.h>

#include "base/file_io.h"

namespace davit {
namespace {

Result<> WriteTemporary(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                        Durability durability) {
  UniqueFd fd = TRY(OpenAt(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  TRY(WriteAll(fd.get(), data, name));
  if (durability == Durability::kDurable && fsync(fd.get()) < 0) return SystemError("fsync", name);
  return {};
}

}  // namespace

Result<> WriteFileAtomically(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                             Durability durability) {
  std::string temporary = "." + name + ".tmp";
  Result<> written = WriteTemporary(dir_fd, temporary, data, mode, durability);
  if (written && renameat(dir_fd, temporary.c_str(), dir_fd, name.c_str()) < 0)
    written = SystemError("rename", name);
  if (!written) {
    unlinkat(dir_fd, temporary.c_str(), 0);
    return written;
  }
  if (durability == Durability::kDurable) {
    // dir_fd may be O_PATH, which cannot be synced.
    UniqueFd dir = TRY(OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
    if (fsync(dir.get()) < 0) return SystemError("fsync", "directory of " + name);
  }
  return {};
}

}  // namespace davit
