// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "base/tree_walk.h"

namespace davit::snapshotter {
namespace {

void ClearFlags(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return;
  if ((flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) == 0) return;
  flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
  ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

// An immutable directory refuses the unlinking of its entries, an immutable file its own.
void ClearFlagsAround(int dir_fd, const std::string& name) {
  ClearFlags(dir_fd);
  struct stat stat{};
  if (fstatat(dir_fd, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) < 0) return;
  if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode)) return;  // opening a device or a FIFO has effects
  auto fd = OpenBeneath(dir_fd, name, Resolve::kStrict, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd) ClearFlags(fd->get());
}

enum class Unlinked { kGone, kNotEmpty, kFailed };  // kFailed: errno says why

Unlinked Unlink(int dir_fd, const std::string& name, bool is_directory) {
  for (int attempt = 0;; ++attempt) {
    if (unlinkat(dir_fd, name.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
      return Unlinked::kGone;
    if (errno == EISDIR && !is_directory) return Unlink(dir_fd, name, /*is_directory=*/true);
    if (errno == ENOTEMPTY || errno == EEXIST) return Unlinked::kNotEmpty;
    if (errno != EPERM || attempt > 0) return Unlinked::kFailed;
    ClearFlagsAround(dir_fd, name);
  }
}

class RemovalVisitor : public TreeVisitor {
 public:
  explicit RemovalVisitor(const std::atomic<bool>& stop) : stop_(stop) {}

  WalkStep Visit(int dir_fd, const std::string& name, unsigned char type) override {
    if (stop_.load(std::memory_order_relaxed)) return WalkStep::kStop;
    return Remove(dir_fd, name, type == DT_DIR) == Unlinked::kNotEmpty ? WalkStep::kDescend : WalkStep::kNext;
  }

  void Leave(int parent_fd, const std::string& name) override {
    Remove(parent_fd, name, /*is_directory=*/true);
  }

  void Failed(const Error& error) override {
    if (error.os_errno != ENOENT && !error_) error_ = error;
  }

  uint64_t removed() const { return removed_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  Unlinked Remove(int dir_fd, const std::string& name, bool is_directory) {
    Unlinked unlinked = Unlink(dir_fd, name, is_directory);
    if (unlinked == Unlinked::kGone) ++removed_;
    if (unlinked == Unlinked::kFailed) Failed(SystemError("unlink", name).error());
    return unlinked;
  }

  const std::atomic<bool>& stop_;
  uint64_t removed_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<> RemoveTree(int dir_fd, const std::string& name, const std::atomic<bool>& stop) {
  while (true) {
    Unlinked unlinked = Unlink(dir_fd, name, /*is_directory=*/false);
    if (unlinked == Unlinked::kGone) return {};
    if (unlinked == Unlinked::kFailed) return SystemError("unlink", name);

    RemovalVisitor visitor(stop);
    UniqueFd directory =
        TRY(OpenBeneath(dir_fd, name, Resolve::kStrict, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!WalkTree(std::move(directory), visitor)) return Fail(Code::kCancelled, "remove", name, "stopped");
    // Deleting while reading may skip entries on some filesystems, so a pass that got anywhere is followed by
    // another.
    if (visitor.removed() == 0) {
      if (visitor.error()) return std::unexpected(Within("remove " + name, *visitor.error()));
      return SystemError("remove", name, ENOTEMPTY);
    }
  }
}

}  // namespace davit::snapshotter
