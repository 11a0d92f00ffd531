// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/space_reserve.h"

#include <sys/vfs.h>

#include <algorithm>
#include <string>

namespace davit::images {
namespace {

constexpr uint64_t kMostReservedBytes = 1ULL << 30;
constexpr uint64_t kMostReservedFiles = 10'000;
constexpr uint64_t kMostBytesAtOnce = 64ULL << 20;
constexpr uint64_t kMostFilesAtOnce = 10'000;

// How much can be used until the next measurement, of what is free beyond the reserve.
Result<uint64_t> Usable(uint64_t free, uint64_t reserve, uint64_t most, const char* what) {
  if (free <= reserve) {
    Error full = SystemError("unpack", "layer", ENOSPC).error();
    full.context = std::to_string(free) + " " + what + " are free on the filesystem, and " +
                   std::to_string(reserve) + " are kept in reserve";
    return std::unexpected(std::move(full));
  }
  return std::clamp<uint64_t>((free - reserve) / 2, 1, most);
}

}  // namespace

Result<> SpaceReserve::Use(uint64_t bytes, uint64_t files) {
  if (bytes >= bytes_left_ || files >= files_left_) TRY(Measure());
  bytes_left_ -= std::min(bytes, bytes_left_);
  files_left_ -= std::min(files, files_left_);
  return {};
}

Result<> SpaceReserve::Measure() {
  struct statfs status;
  if (fstatfs(root_fd_, &status) < 0) return SystemError("fstatfs", "layer");
  uint64_t block = static_cast<uint64_t>(status.f_bsize);
  uint64_t reserve = std::min(status.f_blocks / 50 * block, kMostReservedBytes);
  bytes_left_ = TRY(Usable(status.f_bavail * block, reserve, kMostBytesAtOnce, "bytes"));
  files_left_ = kMostFilesAtOnce;
  if (status.f_files == 0) return {};  // btrfs, for one, makes inodes as it needs them
  reserve = std::min<uint64_t>(status.f_files / 100, kMostReservedFiles);
  files_left_ = TRY(Usable(status.f_ffree, reserve, kMostFilesAtOnce, "inodes"));
  return {};
}

}  // namespace davit::images
