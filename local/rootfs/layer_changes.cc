// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs/layer_changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/unique_fd.h"
#include "images/unpack/limits.h"
#include "local/tree/pack_tree.h"

namespace davit::local {
namespace {

constexpr int kDirFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Made for the mounts that every container has, by kernels before 6.7 in the writable layer.
constexpr std::string_view kMountPoints[] = {"dev",          "proc",      "sys",
                                             "etc/hostname", "etc/hosts", "etc/resolv.conf"};

std::optional<struct stat> Look(int dir_fd, const std::string& name) {
  struct stat status;
  if (dir_fd < 0 || fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return std::nullopt;
  return status;
}

bool IsWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

bool IsOpaque(int dir_fd) {
  char value = 0;
  return fgetxattr(dir_fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

bool SameAttributes(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

Result<bool> IsEmptyMountPoint(int dir_fd, const std::string& name, const std::string& path,
                               const struct stat& status) {
  if (std::ranges::find(kMountPoints, path) == std::end(kMountPoints)) return false;
  if (S_ISREG(status.st_mode)) return status.st_size == 0;
  if (!S_ISDIR(status.st_mode)) return false;
  UniqueFd dir(openat(dir_fd, name.c_str(), kDirFlags));
  if (!dir) return SystemError("open", path);
  size_t bytes = 0;
  return TRY(SortedNames(dir.get(), path, bytes)).empty();
}

}  // namespace

Result<> LayerChanges::Walk(int upper_fd, int base_fd) {
  return WalkDirectory(upper_fd, base_fd, "", IsOpaque(upper_fd));
}

Result<> LayerChanges::Tell(const ChangeSink::Change& change) {
  for (Parent& parent : parents_) {
    if (!parent.told) TRY(sink_.Take(parent.change));
    parent.told = true;
  }
  return sink_.Take(change);
}

Result<> LayerChanges::WalkDirectory(int upper_fd, int base_fd, const std::string& path, bool opaque) {
  const images::UnpackLimits limits;
  bool too_deep = path.size() > limits.path_bytes || parents_.size() > limits.path_depth;
  if (too_deep && too_deep_ == TooDeep::kOmit) return {};
  if (too_deep)
    return Fail(Code::kResourceExhausted, "compare layer", path.substr(0, 256), "its path is too long");
  std::vector<std::string> names = TRY(SortedNames(upper_fd, path, name_bytes_));
  if (opaque && base_fd >= 0) TRY(TellHidden(base_fd, names, path));
  for (const std::string& name : names)
    TRY(Visit(upper_fd, base_fd, name, path.empty() ? name : path + "/" + name));
  name_bytes_ -= BytesOf(names);
  return {};
}

Result<> LayerChanges::TellHidden(int base_fd, const std::vector<std::string>& kept,
                                  const std::string& path) {
  std::vector<std::string> below = TRY(SortedNames(base_fd, path, name_bytes_));
  for (const std::string& name : below) {
    if (std::ranges::binary_search(kept, name)) continue;
    TRY(Tell({ChangeKind::kDeleted, -1, name, path.empty() ? name : path + "/" + name}));
  }
  name_bytes_ -= BytesOf(below);
  return {};
}

Result<> LayerChanges::Visit(int upper_fd, int base_fd, const std::string& name, const std::string& path) {
  std::optional<struct stat> now = Look(upper_fd, name);
  if (!now) return {};  // it has vanished
  std::optional<struct stat> before = Look(base_fd, name);
  ChangeSink::Change change{before ? ChangeKind::kModified : ChangeKind::kAdded, upper_fd, name, path};
  if (IsWhiteout(*now)) {
    if (!before) return {};
    return Tell({ChangeKind::kDeleted, -1, name, path});
  }
  if (!before && TRY(IsEmptyMountPoint(upper_fd, name, path, *now))) return {};
  if (!S_ISDIR(now->st_mode)) return Tell(change);
  if (!before || !S_ISDIR(before->st_mode)) return VisitDirectory(change, /*base_fd=*/-1, /*changed=*/true);
  UniqueFd base(openat(base_fd, name.c_str(), kDirFlags));
  if (!base) return SystemError("open", path);
  return VisitDirectory(change, base.get(), !SameAttributes(*now, *before));
}

Result<> LayerChanges::VisitDirectory(ChangeSink::Change change, int base_fd, bool changed) {
  UniqueFd upper(openat(change.parent_fd, change.name.c_str(), kDirFlags));
  if (!upper && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return {};
  if (!upper) return SystemError("open", change.path);
  change.opaque = base_fd >= 0 && IsOpaque(upper.get());
  std::string path = change.path;
  bool tell = changed || change.opaque;
  if (tell) TRY(Tell(change));
  bool opaque = change.opaque;
  parents_.push_back({std::move(change), tell});
  TRY(WalkDirectory(upper.get(), base_fd, path, opaque));
  parents_.pop_back();
  return {};
}

}  // namespace davit::local
