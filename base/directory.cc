// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>

#include "base/file_io.h"

namespace davit {
namespace {

struct CloseStream {
  void operator()(DIR* stream) const { closedir(stream); }
};

}  // namespace

Result<> ForEachName(int dir_fd, const std::function<Result<>(const std::string& name)>& visit) {
  UniqueFd own = TRY(OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, CloseStream> stream(fdopendir(own.get()));
  if (!stream) return SystemError("fdopendir", ".");
  own.Release();
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") TRY(visit(name));
  }
  if (errno != 0) return SystemError("readdir", ".");
  return {};
}

Result<std::vector<std::string>> ListDirectory(int dir_fd) {
  std::vector<std::string> names;
  TRY(ForEachName(dir_fd, [&names](const std::string& name) -> Result<> {
    names.push_back(name);
    return {};
  }));
  return names;
}

Result<UniqueFd> OpenDirectory(int dir_fd, const std::string& name) {
  return OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<> MakeDirectory(int dir_fd, const std::string& name, mode_t mode) {
  if (mkdirat(dir_fd, name.c_str(), mode) < 0) return SystemError("mkdir", name);
  if (fchmodat(dir_fd, name.c_str(), mode, 0) < 0) return SystemError("chmod", name);
  return {};
}

Result<UniqueFd> OpenPrivateDirectory(int dir_fd, const std::string& name) {
  if (mkdirat(dir_fd, name.c_str(), 0700) < 0 && errno != EEXIST) return SystemError("mkdir", name);
  UniqueFd fd = TRY(OpenDirectory(dir_fd, name));
  if (fchmod(fd.get(), 0700) < 0) return SystemError("chmod", name);
  return fd;
}

}  // namespace davit
