// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The priority of threads for the processor and the disk.
#pragma once

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace davit {

enum class Priority {
  kNormal,
  kIdle,  // after everything else
};

// A kernel that refuses leaves the thread as it is.
inline void SetThreadPriority(pid_t thread, Priority priority) {
  // Of linux/ioprio.h, which C++ cannot read.
  constexpr int kIoprioWhoProcess = 1;
  constexpr int kIoprioIdle = 3 << 13;
  constexpr int kIoprioDefault = 0;  // follows the nice value
  bool idle = priority == Priority::kIdle;
  setpriority(PRIO_PROCESS, static_cast<id_t>(thread), idle ? 19 : 0);
  syscall(SYS_ioprio_set, kIoprioWhoProcess, thread, idle ? kIoprioIdle : kIoprioDefault);
}

// Changes the priority of the calling thread, and of those that it starts, as long as the object lives.
class ScopedPriority {
 public:
  explicit ScopedPriority(Priority priority)
      : before_(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())) > 0 ? Priority::kIdle
                                                                           : Priority::kNormal) {
    SetThreadPriority(gettid(), priority);
  }
  ~ScopedPriority() { SetThreadPriority(gettid(), before_); }
  ScopedPriority(const ScopedPriority&) = delete;
  ScopedPriority& operator=(const ScopedPriority&) = delete;

 private:
  const Priority before_;
};

}  // namespace davit
