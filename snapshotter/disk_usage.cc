// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/disk_usage.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "base/tree_walk.h"
#include "snapshotter/usage_counter.h"

namespace davit::snapshotter {
namespace {

constexpr unsigned kStatxMask = STATX_BASIC_STATS | STATX_MNT_ID;

class UsageVisitor : public TreeVisitor {
 public:
  UsageVisitor(uint64_t mount_id, std::string_view name, const std::atomic<bool>* stop)
      : mount_id_(mount_id), name_(name), stop_(stop) {}

  void Count(const struct statx& stat) { usage_.Count(stat); }

  WalkStep Visit(int dir_fd, const std::string& name, unsigned char) override {
    if (stop_ != nullptr && *stop_) return WalkStep::kStop;
    struct statx stat{};
    if (statx(dir_fd, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kStatxMask, &stat) < 0) {
      if (errno != ENOENT) Keep(SystemError("statx", name).error());
      return WalkStep::kNext;
    }
    if (stat.stx_mnt_id != mount_id_) return WalkStep::kNext;
    Count(stat);
    return S_ISDIR(stat.stx_mode) ? WalkStep::kDescend : WalkStep::kNext;
  }

  void Leave(int, const std::string&) override {}

  void Failed(const Error& error) override {
    bool changed = error.os_errno == ENOENT || error.os_errno == ENOTDIR || error.os_errno == ELOOP;
    if (!changed && error.os_errno != EXDEV) Keep(error);
  }

  Result<DiskUsage> Take() {
    if (error_) return std::unexpected(Within("measure " + std::string(name_), std::move(*error_)));
    return usage_.Sum();
  }

 private:
  void Keep(const Error& error) {
    if (!error_) error_ = error;
  }

  uint64_t mount_id_;
  std::string_view name_;
  const std::atomic<bool>* stop_;
  UsageCounter usage_;
  std::optional<Error> error_;
};

}  // namespace

Result<DiskUsage> MeasureTree(UniqueFd directory, std::string_view name, const std::atomic<bool>* stop) {
  struct statx stat{};
  if (statx(directory.get(), "", AT_EMPTY_PATH, kStatxMask, &stat) < 0) return SystemError("statx", name);
  UsageVisitor visitor(stat.stx_mnt_id, name, stop);
  visitor.Count(stat);
  if (!WalkTree(std::move(directory), visitor)) return Fail(Code::kCancelled, "measure", name);
  return visitor.Take();
}

}  // namespace davit::snapshotter
