// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/root_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>

#include "base/file_io.h"
#include "base/time.h"

namespace davit::cri {
namespace {

bool TryLock(const UniqueFd& file) {
  return flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

// 0: not known.
pid_t HolderOf(const UniqueFd& file) {
  char text[16];
  ssize_t n = TEMP_FAILURE_RETRY(pread(file.get(), text, sizeof text, 0));
  pid_t pid = 0;
  if (n > 0) std::from_chars(text, text + n, pid);
  return pid;
}

// For the next process that finds the root locked; without it that process cannot name us.
void WriteHolder(const UniqueFd& file) {
  std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file.get(), 0) == 0) (void)!pwrite(file.get(), pid.data(), pid.size(), 0);
}

// flock(2) has no timeout. The holder's end wakes us, and a short step covers what its pidfd does not tell: a
// child between fork and exec holds the lock a little longer.
void AwaitEnd(int pidfd, int64_t most_ms) {
  constexpr int64_t kStepMs = 100;
  pollfd ended{pidfd, POLLIN, 0};
  int ready = poll(&ended, 1, static_cast<int>(std::min(most_ms, kStepMs)));
  if (ready > 0) poll(nullptr, 0, /*timeout_ms=*/1);
}

}  // namespace

Result<UniqueFd> LockRoot(const std::string& root, int64_t patience_ms,
                          const std::function<void(const std::string& holder)>& on_wait) {
  UniqueFd file = TRY(OpenAt(AT_FDCWD, root + "/lock", O_RDWR | O_CREAT, 0600));
  if (!TryLock(file)) {
    pid_t pid = HolderOf(file);
    std::string holder = pid > 0 ? "process " + std::to_string(pid) : "another process";
    on_wait(holder);
    UniqueFd pidfd(pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1);
    int64_t deadline = MonotonicMilliseconds() + patience_ms;
    while (!TryLock(file)) {
      int64_t left = deadline - MonotonicMilliseconds();
      if (left <= 0)
        return Fail(Code::kFailedPrecondition, "lock", root, "another davitd uses this root: " + holder);
      AwaitEnd(pidfd.get(), left);
    }
  }
  WriteHolder(file);
  return file;
}

}  // namespace davit::cri
