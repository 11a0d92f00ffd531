// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/locate.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace davit::local {
namespace {

constexpr int kMaxSymlinks = 40;  // as the kernel's own lookups (path_resolution(7))

std::string WithoutSlashes(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  return end == std::string::npos ? "" : path.substr(0, end + 1);
}

Result<TreePlace> Split(int dir_fd, const std::string& path) {
  std::string trimmed = WithoutSlashes(path);
  TreePlace place;
  place.name = LastName(path);
  if (place.name == ".") {
    place.parent = TRY(OpenWithin(dir_fd, trimmed.empty() ? "/" : trimmed, O_PATH | O_DIRECTORY));
    return place;
  }
  std::string dir = trimmed.substr(0, trimmed.size() - place.name.size());
  place.parent = TRY(OpenWithin(dir_fd, dir.empty() ? "." : dir, O_PATH | O_DIRECTORY));
  return place;
}

Result<std::string> ReadLink(const TreePlace& place) {
  std::string target(PATH_MAX, '\0');
  ssize_t size = readlinkat(place.parent.get(), place.name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("readlink", place.name);
  target.resize(static_cast<size_t>(size));
  return target;
}

}  // namespace

Result<UniqueFd> OpenWithin(int dir_fd, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof how)));
  if (!fd) return SystemError("open", path);
  return fd;
}

std::string LastName(const std::string& path) {
  std::string trimmed = WithoutSlashes(path);
  std::string name = trimmed.substr(trimmed.rfind('/') + 1);
  return name.empty() || name == ".." ? "." : name;
}

Result<TreePlace> Locate(const std::string& path, LastLink last) {
  if (path.empty()) return SystemError("open", path, ENOENT);
  if (path.find('\0') != std::string::npos)
    return Fail(Code::kInvalidArgument, "open", "path", "it has a NUL byte");
  bool asserts_directory = path.ends_with('/');
  TreePlace place = TRY(Split(AT_FDCWD, path));
  for (int links = 0; last == LastLink::kFollow || asserts_directory; ++links) {
    struct stat status;
    if (fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno != ENOENT) return SystemError("stat", path);
      return place;
    }
    if (asserts_directory && !S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode))
      return SystemError("open", path, ENOTDIR);
    if (!S_ISLNK(status.st_mode)) return place;
    if (links == kMaxSymlinks) return SystemError("open", path, ELOOP);
    place = TRY(Split(place.parent.get(), TRY(ReadLink(place))));
  }
  return place;
}

}  // namespace davit::local
