// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/byte_sink.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace davit::images {
namespace {

// A pipe that poll(2) calls writable has room for PIPE_BUF bytes (pipe(7)); a file takes all.
size_t MostAtOnce(int fd) {
  struct stat status;
  bool file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  return file ? 1 << 20 : PIPE_BUF;
}

}  // namespace

DescriptorSink::DescriptorSink(int fd, const Interrupt& interrupt)
    : fd_(fd), most_at_once_(MostAtOnce(fd)), interrupt_(interrupt) {}

// Waits with poll(2) before each write, so that a cancelled writer to a full pipe ends soon.
Result<> DescriptorSink::Write(std::string_view piece) {
  while (!piece.empty()) {
    TRY(interrupt_.Check());
    pollfd entry{fd_, POLLOUT, 0};
    int ready = poll(&entry, 1, Interrupt::kAskEveryMs);
    if (ready < 0 && errno != EINTR) return SystemError("poll", "archive");
    if (ready <= 0) continue;
    ssize_t written = write(fd_, piece.data(), std::min(piece.size(), most_at_once_));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return SystemError("write", "archive");
    if (written > 0) piece.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace davit::images
