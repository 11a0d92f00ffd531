// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/bench/syscall_count.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/file_io.h"
#include "base/spawn.h"

namespace davit::bench {
namespace {

constexpr size_t kMaxTrace = 64 << 20;

class Strace {
 public:
  explicit Strace(const std::vector<pid_t>& pids) {
    if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp " + directory_);
    std::vector<std::string> arguments = {
        "strace", "-f",       "-e", "signal=none", "-e", "trace=execve,execveat,fsync,fdatasync,syncfs,sync",
        "-o",     TracePath()};
    for (pid_t pid : pids) arguments.insert(arguments.end(), {"-p", std::to_string(pid)});
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    messages_ = UniqueFd(fds[0]);
    // Nobody reads what strace says of later processes; it must not fill the pipe and wait.
    fcntl(messages_.get(), F_SETPIPE_SZ, 1 << 20);
    UniqueFd writing(fds[1]);
    auto child =
        Spawn({.program = "/usr/bin/strace", .args = arguments, .env = {}, .fds = {{writing.get(), 2}}});
    if (!child) throw std::runtime_error(child.error().ToString());
    child_ = std::move(*child);
    writing = UniqueFd();
    for (pid_t pid : pids) WaitForAttach(pid);
  }

  // Ends strace; the trace's text.
  std::string Detach() {
    if (auto sent = child_.pidfd.Signal(SIGINT); !sent) throw std::runtime_error(sent.error().ToString());
    (void)Reap(child_);
    auto text = ReadFile(TracePath(), kMaxTrace);
    unlink(TracePath().c_str());
    rmdir(directory_.c_str());
    if (!text) throw std::runtime_error(text.error().ToString());
    return *text;
  }

 private:
  std::string TracePath() const { return directory_ + "/trace"; }

  // strace says "Process N attached" once N and all its threads are.
  void WaitForAttach(pid_t pid) {
    const std::string wanted = "Process " + std::to_string(pid) + " attached";
    while (said_.find(wanted) == std::string::npos) {
      char buffer[4096];
      ssize_t n = read(messages_.get(), buffer, sizeof buffer);
      if (n <= 0) throw std::runtime_error("strace: " + said_);
      said_.append(buffer, static_cast<size_t>(n));
    }
  }

  std::string directory_ = "/tmp/davit-strace-XXXXXX";
  UniqueFd messages_;
  ChildProcess child_;
  std::string said_;
};

SyscallCounts Count(const std::string& trace) {
  // A call that another process's line interrupts is shown as "<... NAME resumed>" with its result.
  static const std::regex exec(R"(execve(at)?(\(| resumed).*= 0$)");
  static const std::regex sync(R"( (fsync|fdatasync|syncfs|sync)\()");
  SyscallCounts counts;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    counts.execs += std::regex_search(line, exec) ? 1 : 0;
    counts.syncs += std::regex_search(line, sync) ? 1 : 0;
  }
  return counts;
}

}  // namespace

SyscallCounts CountSyscalls(const std::vector<pid_t>& pids, const std::function<void()>& operation) {
  Strace strace(pids);
  operation();
  return Count(strace.Detach());
}

}  // namespace davit::bench
