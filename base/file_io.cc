// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/file_io.h"

namespace davit {

Result<UniqueFd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode) {
  int fd = TEMP_FAILURE_RETRY(openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode));
  if (fd < 0) return SystemError("open", path);
  return UniqueFd(fd);
}

Result<std::string> ReadFd(int fd, std::string_view name, size_t limit) {
  std::string data;
  char buffer[4096];
  while (true) {
    ssize_t n = TEMP_FAILURE_RETRY(read(fd, buffer, sizeof buffer));
    if (n < 0) return SystemError("read", name);
    if (n == 0) return data;
    if (data.size() + static_cast<size_t>(n) > limit) {
      return Fail(Code::kResourceExhausted, "read", name, "larger than " + std::to_string(limit) + " bytes");
    }
    data.append(buffer, static_cast<size_t>(n));
  }
}

Result<std::string> ReadFileAt(int dir_fd, const std::string& path, size_t limit) {
  UniqueFd fd = TRY(OpenAt(dir_fd, path, O_RDONLY));
  return ReadFd(fd.get(), path, limit);
}

Result<std::string> ReadFile(const std::string& path, size_t limit) {
  return ReadFileAt(AT_FDCWD, path, limit);
}

Result<> WriteAll(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    ssize_t n = TEMP_FAILURE_RETRY(write(fd, data.data(), data.size()));
    if (n < 0) return SystemError("write", name);
    data.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<> WriteFileAt(int dir_fd, const std::string& path, std::string_view data) {
  UniqueFd fd = TRY(OpenAt(dir_fd, path, O_WRONLY));
  ssize_t n = TEMP_FAILURE_RETRY(write(fd.get(), data.data(), data.size()));
  if (n < 0) return SystemError("write", path + " = " + std::string(data));
  if (static_cast<size_t>(n) != data.size()) return Fail(Code::kInternal, "write", path, "short write");
  return {};
}

}  // namespace davit
