// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ownership of one file descriptor.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace davit {

// The destructor closes the descriptor. close(2) is never retried: on Linux the number is free again even
// after EINTR. Closing preserves errno, so that an error path can report the call that failed.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }

  // Returns the descriptor and gives up ownership without closing it.
  int Release() { return std::exchange(fd_, -1); }

  void Reset(int fd = -1) {
    int old = std::exchange(fd_, fd);
    if (old < 0) return;
    int saved = errno;
    ::close(old);
    errno = saved;
  }

 private:
  int fd_ = -1;
};

}  // namespace davit
