// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/open_beneath.h"
#include "base/tree_walk.h"
#include "images/node_copy.h"
#include "images/space_reserve.h"

namespace davit::local {
namespace {

// What a layer may set (images/unpack/layer_writer.cc). The overlay's marks and the labels of security
// modules belong to the layer.
bool IsCopiedXattr(std::string_view name) {
  return name.starts_with("user.") || name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

Result<UniqueFd> OpenEntry(int dir_fd, const std::string& name, int flags) {
  return OpenBeneath(dir_fd, name, Resolve::kStrict, flags | O_NOFOLLOW);
}

// The copy has one open directory, however deep the tree is: nobody moves its directories, so ".." leads
// back.
class TreeCopy final : public TreeVisitor {
 public:
  TreeCopy(UniqueFd to, int links, const std::function<bool()>& stop)
      : to_(std::move(to)), links_(links), stop_(stop), space_(links) {}

  WalkStep Visit(int dir_fd, const std::string& name, unsigned char /*type*/) override {
    if (error_) return WalkStep::kStop;
    Result<WalkStep> step = Copy(dir_fd, name);
    if (step) return *step;
    Keep(std::move(step).error());
    return WalkStep::kStop;
  }

  void Leave(int parent_fd, const std::string& name) override {
    --depth_;
    if (error_) return;
    if (Result<> left = LeaveDirectory(parent_fd, name); !left) Keep(std::move(left).error());
  }

  void Failed(const Error& error) override { Keep(error); }

  Result<> Outcome() {
    if (error_) return std::unexpected(std::move(*error_));
    if (depth_ != 0) return Fail(Code::kInternal, "copy tree", "", "a directory has moved meanwhile");
    return {};
  }

 private:
  Result<WalkStep> Copy(int dir_fd, const std::string& name) {
    TRY(CheckWanted());
    struct stat status{};
    if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
      return SystemError("stat", name);
    TRY(space_.Use(/*bytes=*/0, /*files=*/1));
    if (S_ISDIR(status.st_mode)) {
      TRY(MakeDirectory(to_.get(), name, 0700));
      to_ = TRY(OpenDirectory(to_.get(), name));
      ++depth_;
      return WalkStep::kDescend;
    }
    TRY(CopyFile(dir_fd, name, status));
    return WalkStep::kNext;
  }

  Result<> CopyFile(int dir_fd, const std::string& name, const struct stat& status) {
    if (status.st_nlink < 2) return MakeCopy(dir_fd, name, status);
    // The first copy of each file with several names is found again by its inode.
    std::string first = std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino);
    if (linkat(links_, first.c_str(), to_.get(), name.c_str(), 0) == 0) return {};
    bool most_links = errno == EMLINK;
    if (errno != ENOENT && !most_links) return SystemError("link", name);
    TRY(MakeCopy(dir_fd, name, status));
    if (most_links) unlinkat(links_, first.c_str(), 0);  // the next names are links of this copy
    if (linkat(to_.get(), name.c_str(), links_, first.c_str(), 0) < 0) return SystemError("link", name);
    return {};
  }

  Result<> MakeCopy(int dir_fd, const std::string& name, const struct stat& status) {
    if (S_ISREG(status.st_mode)) return CopyRegular(dir_fd, name, status);
    UniqueFd from = TRY(OpenEntry(dir_fd, name, O_PATH));
    return images::CopySymlinkOrNode(from.get(), status, to_.get(), name);
  }

  Result<> CopyRegular(int dir_fd, const std::string& name, const struct stat& status) {
    UniqueFd from = TRY(OpenEntry(dir_fd, name, O_RDONLY | O_NONBLOCK));
    UniqueFd to = TRY(OpenAt(to_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(images::CopyData(from.get(), to.get(), status.st_size, name, [this](size_t bytes) -> Result<> {
      TRY(CheckWanted());
      return space_.Use(bytes, /*files=*/0);
    }));
    return images::CopyMetadata(from.get(), status, to.get(), name, IsCopiedXattr);
  }

  Result<> LeaveDirectory(int parent_fd, const std::string& name) {
    UniqueFd from = TRY(OpenEntry(parent_fd, name, O_RDONLY | O_DIRECTORY));
    TRY(CopyDirectoryMetadata(from.get(), to_.get()));
    to_ = TRY(OpenDirectory(to_.get(), ".."));
    return {};
  }

  Result<> CheckWanted() const {
    if (stop_()) return Fail(Code::kCancelled, "copy", "files of the image", "nobody wants them any more");
    return {};
  }

  void Keep(Error error) {
    if (!error_) error_ = std::move(error);
  }

  UniqueFd to_;  // the copy of the directory that is being walked
  const int links_;
  const std::function<bool()>& stop_;
  images::SpaceReserve space_;
  size_t depth_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<> CopyDirectoryMetadata(int from, int to) {
  struct stat status{};
  if (fstat(from, &status) < 0) return SystemError("stat", "directory of the image");
  return images::CopyMetadata(from, status, to, "directory of the image", IsCopiedXattr);
}

Result<> CopyTree(UniqueFd from, int to, int links, const std::function<bool()>& stop) {
  UniqueFd root = TRY(OpenDirectory(from.get(), "."));
  TreeCopy copy(TRY(OpenDirectory(to, ".")), links, stop);
  WalkTree(std::move(from), copy);
  TRY(copy.Outcome());
  return CopyDirectoryMetadata(root.get(), to);
}

}  // namespace davit::local
