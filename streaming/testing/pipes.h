// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pipes for tests, and bounded waits on descriptors.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace davit::streaming {

// The longest wait of a test for something that must happen.
inline constexpr int kPatienceMs = 20'000;

// The read end and the write end of a new pipe, both non-blocking.
inline std::pair<UniqueFd, UniqueFd> Pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Waits up to kPatienceMs for one of the events, POLLERR or POLLHUP. Returns false if none occurs.
inline bool Await(int fd, short events) {
  pollfd poll_fd{fd, events, 0};
  return poll(&poll_fd, 1, kPatienceMs) == 1;
}

// Waits for data and reads once: up to 64 KiB. Returns "" at the end of the stream.
inline std::string ReadSome(int fd) {
  char buffer[64 << 10];
  if (!Await(fd, POLLIN)) return "<nothing came>";
  ssize_t n = read(fd, buffer, sizeof buffer);
  return {buffer, static_cast<size_t>(std::max<ssize_t>(n, 0))};
}

// Waits until the descriptor is readable. Returns whether the stream has ended; data is consumed.
inline bool HasEnded(int fd) {
  return ReadSome(fd).empty();
}

}  // namespace davit::streaming
