// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/room.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file_io.h"

namespace davit::cri {
namespace {

// For rows that become a little longer (a reason, an exit's message) and for the pages of their tables.
constexpr uint64_t kSpareFileBytes = 1 << 20;
// A thousand pages: the log of some hundred changes, and of any group of the record writer.
constexpr uint64_t kSpareLogBytes = 4 << 20;
// Allocated at once, so that a growing database allocates seldom.
constexpr uint64_t kStep = 4 << 20;

// Of the largest row, and rounded up, so that rows which grow by some bytes allocate nothing. Twice: its new
// value is written before the pages of the old one are free.
uint64_t BytesForChange(uint64_t largest) {
  constexpr uint64_t kGrain = 64 << 10;
  return 2 * ((largest + kGrain) / kGrain * kGrain);
}

uint64_t FileBytesFor(uint64_t used, uint64_t largest) {
  return used + kSpareFileBytes + BytesForChange(largest);
}

uint64_t LogBytesFor(uint64_t largest) {
  return kSpareLogBytes + BytesForChange(largest);
}

Result<> WriteZeros(int fd, uint64_t from, uint64_t to, const std::string& path) {
  const std::string zeros(64 << 10, '\0');
  while (from < to) {
    ssize_t written =
        pwrite(fd, zeros.data(), std::min<uint64_t>(zeros.size(), to - from), static_cast<off_t>(from));
    if (written < 0) return SystemError("write", path);
    from += static_cast<uint64_t>(written);
  }
  return {};
}

}  // namespace

Result<Room> Room::Open(const std::string& path) {
  UniqueFd file = TRY(OpenAt(AT_FDCWD, path, O_RDWR | O_NOFOLLOW));
  UniqueFd log = TRY(OpenAt(AT_FDCWD, path + "-wal", O_RDWR | O_NOFOLLOW));
  return Room(path, std::move(file), std::move(log));
}

bool Room::Covers(uint64_t used, uint64_t largest) const {
  return FileBytesFor(used, largest) <= file_bytes_ && LogBytesFor(largest) <= log_bytes_;
}

Result<> Room::Keep(uint64_t used, uint64_t largest) {
  TRY(Extend(log_, log_bytes_, LogBytesFor(largest), path_ + "-wal"));
  uint64_t wanted = FileBytesFor(used, largest);
  if (wanted <= file_bytes_) return {};
  if (Extend(file_, file_bytes_, wanted + kStep, path_)) return {};
  return Extend(file_, file_bytes_, wanted, path_);
}

// Allocates all of the file up to `wanted`, holes included, and changes no byte that is there.
Result<> Room::Extend(const UniqueFd& file, uint64_t& size, uint64_t wanted, const std::string& path) {
  if (wanted <= size) return {};
  if (fallocate(file.get(), 0, 0, static_cast<off_t>(wanted)) < 0) {
    if (errno != EOPNOTSUPP) return SystemError("allocate", path);
    struct stat st{};
    if (fstat(file.get(), &st) < 0) return SystemError("stat", path);
    TRY(WriteZeros(file.get(), static_cast<uint64_t>(st.st_size), wanted, path));
  }
  size = wanted;
  return {};
}

}  // namespace davit::cri
