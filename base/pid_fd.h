// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A reference to a process that stays correct when the pid is reused (pidfd_open(2)).
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Identifies a process in records on disk; a pid alone could name a later process.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // field 22 of /proc/PID/stat, in clock ticks since boot
  std::string boot_id;      // /proc/sys/kernel/random/boot_id

  bool operator==(const ProcessIdentity&) const = default;
};

// The identity of a running process; kNotFound if there is none with this pid.
Result<ProcessIdentity> IdentifyProcess(pid_t pid);

// The destructor neither kills nor reaps the process.
class PidFd {
 public:
  PidFd() = default;
  explicit PidFd(UniqueFd fd) : fd_(std::move(fd)) {}

  static Result<PidFd> Open(pid_t pid);
  // Opens the process that `identity` describes; kNotFound if it is gone, also if another process has its
  // pid.
  static Result<PidFd> Open(const ProcessIdentity& identity);

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd& fd() { return fd_; }

  // kNotFound if the process is gone.
  Result<> Signal(int signo) const;

  // Waits until the process, which need not be a child, has ended; false after `timeout_ms` milliseconds (-1:
  // no limit).
  Result<bool> WaitExit(int timeout_ms) const;

 private:
  UniqueFd fd_;
};

}  // namespace davit
