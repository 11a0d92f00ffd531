// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/pid_fd.h"

#include <poll.h>
#include <sys/syscall.h>

#include <charconv>

#include "base/file_io.h"

namespace davit {
namespace {

// Field 22; the command name (field 2) may hold spaces and parentheses, so counting starts behind the last
// one.
std::optional<uint64_t> ParseStartTime(std::string_view stat) {
  size_t pos = stat.rfind(')');
  if (pos == std::string_view::npos) return std::nullopt;
  for (int field = 2; field < 22; ++field) {
    pos = stat.find(' ', pos + 1);
    if (pos == std::string_view::npos) return std::nullopt;
  }
  uint64_t ticks = 0;
  auto [end, err] = std::from_chars(stat.data() + pos + 1, stat.data() + stat.size(), ticks);
  if (err != std::errc()) return std::nullopt;
  return ticks;
}

}  // namespace

Result<ProcessIdentity> IdentifyProcess(pid_t pid) {
  std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::string stat = TRY(ReadFile(path));
  std::optional<uint64_t> start = ParseStartTime(stat);
  if (!start) return Fail(Code::kInternal, "parse", path, "no start time");
  std::string boot_id = TRY(ReadFile("/proc/sys/kernel/random/boot_id"));
  while (!boot_id.empty() && boot_id.back() == '\n') boot_id.pop_back();
  return ProcessIdentity{pid, *start, std::move(boot_id)};
}

Result<PidFd> PidFd::Open(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return SystemError("pidfd_open", std::to_string(pid));
  return PidFd(UniqueFd(fd));
}

Result<PidFd> PidFd::Open(const ProcessIdentity& identity) {
  PidFd pidfd = TRY(Open(identity.pid));
  // Looked at after the open: if it is the same process now, it was the same when the pidfd was made.
  ProcessIdentity now = TRY(IdentifyProcess(identity.pid));
  if (now != identity)
    return Fail(Code::kNotFound, "pidfd_open", std::to_string(identity.pid), "another process");
  return pidfd;
}

Result<> PidFd::Signal(int signo) const {
  if (syscall(SYS_pidfd_send_signal, fd_.get(), signo, nullptr, 0) < 0) {
    return SystemError("pidfd_send_signal", std::to_string(signo));
  }
  return {};
}

Result<bool> PidFd::WaitExit(int timeout_ms) const {
  pollfd poll_fd{fd_.get(), POLLIN, 0};
  int ready = TEMP_FAILURE_RETRY(poll(&poll_fd, 1, timeout_ms));
  if (ready < 0) return SystemError("poll", "pidfd");
  return ready > 0;
}

}  // namespace davit
