// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/lower_layers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <memory>
#include <set>

#include "base/open_beneath.h"

namespace davit::images {
namespace {

enum class Seen { kFound, kNothing, kHidden };

bool IsOpaque(int layer_fd, const std::string& dir) {
  auto fd = OpenBeneath(layer_fd, dir, Resolve::kStrict, O_RDONLY | O_DIRECTORY);
  char value = 0;
  return fd && fgetxattr(fd->get(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

// When a layer lacks the path itself: does one of the directories on the way end the lookup?
bool EndsLookup(int layer_fd, const std::string& path) {
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (IsOpaque(layer_fd, path.substr(0, slash))) return true;
  }
  return false;
}

Result<Seen> LookIn(int layer_fd, const std::string& path, LowerFile& file) {
  std::string name = path.empty() ? "." : path;
  auto fd = OpenBeneath(layer_fd, name, Resolve::kStrict, O_PATH | O_NOFOLLOW);
  if (!fd) {
    if (fd.error().os_errno == ENOENT) return EndsLookup(layer_fd, path) ? Seen::kHidden : Seen::kNothing;
    // A file, a symlink or a whiteout where the path needs a directory.
    if (fd.error().os_errno == ENOTDIR || fd.error().os_errno == ELOOP) return Seen::kHidden;
    return std::unexpected(std::move(fd).error());
  }
  if (fstat(fd->get(), &file.status) < 0) return SystemError("fstat", path);
  if (IsOverlayWhiteout(file.status)) return Seen::kHidden;
  file.fd = std::move(*fd);
  file.layer_fd = layer_fd;
  return Seen::kFound;
}

}  // namespace

bool IsOverlayWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

Result<std::optional<LowerFile>> FindInLowers(const std::vector<UniqueFd>& lowers, const std::string& path) {
  for (const UniqueFd& layer : lowers) {
    LowerFile file;
    switch (TRY(LookIn(layer.get(), path, file))) {
      case Seen::kFound:
        return file;
      case Seen::kHidden:
        return std::nullopt;
      case Seen::kNothing:
        break;
    }
  }
  return std::nullopt;
}

Result<std::vector<std::string>> NamesInRoot(const std::vector<UniqueFd>& lowers) {
  std::set<std::string> hidden;
  std::set<std::string> names;
  for (const UniqueFd& layer : lowers) {
    UniqueFd root = TRY(OpenBeneath(layer.get(), ".", Resolve::kStrict, O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(root.get()), closedir);
    if (!stream) return SystemError("fdopendir", "layer");
    int fd = root.Release();  // the stream closes it
    while (const dirent* entry = readdir(stream.get())) {
      std::string name = entry->d_name;
      if (name == "." || name == ".." || hidden.contains(name)) continue;
      struct stat status;
      if (fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return SystemError("stat", name);
      if (!IsOverlayWhiteout(status)) {
        names.insert(name);
      } else if (!names.contains(name)) {
        hidden.insert(name);
      }
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace davit::images
