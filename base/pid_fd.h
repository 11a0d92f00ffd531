// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A process, held by a descriptor that no later process can take over (pidfd_open(2)).
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Who a process is, in a form that can be kept on disk: a bare pid is never enough.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // field 22 of /proc/PID/stat, in clock ticks since boot
  std::string boot_id;      // /proc/sys/kernel/random/boot_id

  bool operator==(const ProcessIdentity&) const = default;
};

// The identity of a running process; kNotFound when there is none with this pid.
Result<ProcessIdentity> IdentifyProcess(pid_t pid);

// Dropping a PidFd never kills and never reaps.
class PidFd {
 public:
  PidFd() = default;
  explicit PidFd(UniqueFd fd) : fd_(std::move(fd)) {}

  static Result<PidFd> Open(pid_t pid);
  // The process that `identity` names; kNotFound when it is gone, even when its pid lives on as another
  // process.
  static Result<PidFd> Open(const ProcessIdentity& identity);

  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd& fd() { return fd_; }

  // kNotFound when the process is gone.
  Result<> Signal(int signo) const;

  // Waits for the end of the process, which need not be a child; false when `timeout_ms` ran out. -1 waits
  // for ever.
  Result<bool> WaitExit(int timeout_ms) const;

 private:
  UniqueFd fd_;
};

}  // namespace davit
