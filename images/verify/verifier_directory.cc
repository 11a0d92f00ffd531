// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/verify/verifier_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "base/directory.h"
#include "base/file_io.h"

namespace davit::images {
namespace {

std::unexpected<Error> Unsafe(const std::string& path, std::string_view why) {
  return Fail(Code::kFailedPrecondition, "use image verifiers", path, why);
}

bool OthersMayWrite(const struct stat& file) {
  bool group = (file.st_mode & S_IWGRP) != 0 && file.st_gid != 0;
  return group || (file.st_mode & S_IWOTH) != 0;
}

// `protected_entries`: it is enough that nobody but the owner can replace an entry of root, as in /tmp.
Result<> CheckOwner(const struct stat& file, const std::string& path, bool protected_entries) {
  if (file.st_uid != 0) return Unsafe(path, "it does not belong to root");
  if (!OthersMayWrite(file) || (protected_entries && (file.st_mode & S_ISVTX) != 0)) return {};
  return Unsafe(path, "others than root may write to it");
}

Result<UniqueFd> Enter(const UniqueFd& parent, const std::string& name, const std::string& path) {
  auto opened = OpenAt(parent.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!opened && opened.error().os_errno == ENOTDIR)
    return Unsafe(path, "it is a symbolic link or no directory: write the directory's real path");
  return opened;
}

// Component by component, so that each is checked before what is in it. ENOENT if one does not exist.
Result<UniqueFd> OpenChecked(const std::string& directory) {
  UniqueFd current = TRY(OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
  std::istringstream components(directory.substr(1));
  std::string path;
  for (std::string component; std::getline(components, component, '/');) {
    path += "/" + component;
    current = TRY(Enter(current, component, path));
    struct stat status{};
    if (fstat(current.get(), &status) < 0) return SystemError("fstat", path);
    TRY(CheckOwner(status, path, /*protected_entries=*/path != directory));
  }
  return current;
}

Result<> CheckProgram(const UniqueFd& directory, const std::string& name, const std::string& path) {
  struct stat status{};
  if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("fstatat", path);
  if (S_ISLNK(status.st_mode)) return Unsafe(path, "it is a symbolic link: put the program itself here");
  if (!S_ISREG(status.st_mode) || (status.st_mode & S_IXUSR) == 0)
    return Unsafe(path, "it is not an executable file");
  return CheckOwner(status, path, /*protected_entries=*/false);
}

}  // namespace

Result<VerifierList> ListVerifiers(const std::string& directory, int limit) {
  VerifierList list;
  auto opened = OpenChecked(directory);
  if (!opened && opened.error().os_errno == ENOENT) {
    list.absent = true;
    return list;
  }
  UniqueFd fd = TRY(std::move(opened));
  std::vector<std::string> names = TRY(ListDirectory(fd.get()));
  std::ranges::sort(names);
  size_t taken = limit < 0 ? names.size() : std::min(names.size(), static_cast<size_t>(limit));
  list.skipped = names.size() - taken;
  names.resize(taken);
  for (const std::string& name : names) {
    std::string path = directory + "/" + name;
    TRY(CheckProgram(fd, name, path));
    list.programs.push_back(std::move(path));
  }
  return list;
}

}  // namespace davit::images
