// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/exec_outcome.h"

#include <fcntl.h>
#include <signal.h>

#include <charconv>

#include "base/file_io.h"
#include "base/open_beneath.h"

namespace davit::shim {
namespace {

constexpr uint32_t kForkedNotExecuted = 0x40;  // PF_FORKNOEXEC, include/linux/sched.h
constexpr int kFieldsBeforeFlags = 6;          // state ppid pgrp session tty_nr tpgid

}  // namespace

Result<bool> ParseHasExecuted(std::string_view stat) {
  size_t name_end = stat.rfind(')');  // the name may contain anything, parentheses too
  std::string_view rest = stat.substr(std::min(stat.size(), name_end + 2));
  for (int i = 0; i < kFieldsBeforeFlags; ++i)
    rest.remove_prefix(std::min(rest.size(), std::min(rest.find(' '), rest.size()) + 1));
  uint32_t flags = 0;
  if (name_end == std::string_view::npos ||
      std::from_chars(rest.data(), rest.data() + rest.size(), flags).ec != std::errc()) {
    return Fail(Code::kInternal, "parse", "/proc/PID/stat", "it has no flags");
  }
  return (flags & kForkedNotExecuted) == 0;
}

Result<bool> HasExecuted(int proc_fd, pid_t pid) {
  std::string path = std::to_string(pid) + "/stat";
  UniqueFd file = TRY(OpenBeneath(proc_fd, path, Resolve::kStrict, O_RDONLY));
  return ParseHasExecuted(TRY(ReadFd(file.get(), path)));
}

Error ExecFailed(const Announcement& announcement, int os_errno) {
  Error error = SystemError("exec", announcement.file, os_errno).error();
  // What the policy forbids looks like a file without an x bit.
  if (os_errno == EACCES && !announcement.context.empty()) error.context = "as " + announcement.context;
  // What profiles answer to calls that they forbid.
  if (announcement.filtered && (os_errno == EPERM || os_errno == ENOSYS))
    error.context = "the seccomp profile may forbid execve";
  return error;
}

Error EndedBeforeExec(const Announcement& announcement, const std::string& subject, ExitStatus status) {
  if (status.signal == 0) return ExecFailed(announcement, status.code);
  if (status.signal != SIGSYS) return EndedTooEarly(subject, status);
  return {Code::kPermissionDenied, 0, "exec", announcement.file,
          "killed by the seccomp profile (SIGSYS), which has to allow execve and exit_group"};
}

Error EndedTooEarly(const std::string& subject, ExitStatus status) {
  std::string how = status.signal != 0 ? "ended by signal " + std::to_string(status.signal)
                                       : "exited with code " + std::to_string(status.code);
  return {Code::kInternal, 0, "start", subject, how + " before it could run its program"};
}

}  // namespace davit::shim
