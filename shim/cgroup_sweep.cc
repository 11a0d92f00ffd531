// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/cgroup_sweep.h"

#include <algorithm>
#include <charconv>

#include "base/file_io.h"

namespace davit::shim {
namespace {

constexpr int64_t kPatienceMs = 10'000;
constexpr size_t kMaxListBytes = 4 << 20;

Result<PidFd> OpenProcessOf(int proc_fd, pid_t thread) {
  std::string path = std::to_string(thread) + "/status";
  std::string status = TRY(ReadFileAt(proc_fd, path));
  constexpr std::string_view kKey = "\nTgid:\t";
  size_t at = status.find(kKey);
  pid_t process = 0;
  if (at != std::string::npos)
    std::from_chars(status.data() + at + kKey.size(), status.data() + status.size(), process);
  if (process <= 0) return Fail(Code::kNotFound, "parse", path);
  return PidFd::Open(process);
}

// The processes of the cgroup, held. A pid that was listed may have become another process's before it was
// opened; one that is listed again afterwards was the same in between.
std::vector<PidFd> HoldMembers(int procs, int proc_fd) {
  std::vector<std::pair<pid_t, PidFd>> opened;
  for (pid_t pid : ReadPids(procs).value_or(std::vector<pid_t>())) {
    auto pidfd = PidFd::Open(pid);
    // v1's `tasks` lists threads: one whose process's first thread has ended stands for the process.
    if (!pidfd) pidfd = OpenProcessOf(proc_fd, pid);
    if (pidfd) opened.emplace_back(pid, std::move(*pidfd));
  }
  std::vector<pid_t> again = ReadPids(procs).value_or(std::vector<pid_t>());
  std::sort(again.begin(), again.end());
  std::vector<PidFd> members;
  for (auto& [pid, pidfd] : opened) {
    if (std::binary_search(again.begin(), again.end(), pid)) members.push_back(std::move(pidfd));
  }
  return members;
}

}  // namespace

Result<std::vector<pid_t>> ReadPids(int procs) {
  std::string text;
  char buffer[4096];
  while (text.size() < kMaxListBytes) {
    ssize_t n = TEMP_FAILURE_RETRY(pread(procs, buffer, sizeof buffer, static_cast<off_t>(text.size())));
    if (n < 0) return SystemError("read", "cgroup.procs");
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  std::vector<pid_t> pids;
  for (const char *at = text.data(), *end = at + text.size(); at < end;) {
    pid_t pid = 0;
    auto parsed = std::from_chars(at, end, pid);
    if (parsed.ec == std::errc() && pid > 0) pids.push_back(pid);  // 0: a process of an outer PID namespace
    at = std::find(parsed.ptr, end, '\n') + 1;
  }
  return pids;
}

CgroupSweep::CgroupSweep(Environment& env, int procs, int kill, OnDone on_done)
    : env_(env), procs_(procs), kill_(kill), on_done_(std::move(on_done)) {}

CgroupSweep::~CgroupSweep() {
  env_.timers.Cancel(timer_);
  for (const auto& [fd, pidfd] : dying_) env_.loop.Remove(fd);
}

void CgroupSweep::Begin() {
  timer_ = env_.timers.Add(kPatienceMs, [this] { Finish(/*empty=*/false); });
  Round();
}

void CgroupSweep::Round() {
  // Reaches sub-cgroups and races with no fork; the list is then only for waiting.
  if (kill_ >= 0) [[maybe_unused]]
    ssize_t n = write(kill_, "1", 1);
  std::vector<PidFd> members = HoldMembers(procs_, env_.own.proc.get());
  for (PidFd& pidfd : members) {
    [[maybe_unused]] Result<> killed = pidfd.Signal(SIGKILL);
    int fd = pidfd.get();
    if (!env_.loop.Add(fd, EPOLLIN, [this, fd](uint32_t) { OnProcessGone(fd); })) continue;
    dying_.emplace(fd, std::move(pidfd));
  }
  if (dying_.empty()) Finish(members.empty());
}

void CgroupSweep::OnProcessGone(int pidfd) {
  env_.loop.Remove(pidfd);
  dying_.erase(pidfd);
  if (dying_.empty()) Round();
}

void CgroupSweep::Finish(bool empty) {
  OnDone on_done = std::exchange(on_done_, nullptr);
  on_done(empty);  // `this` may be gone now
}

}  // namespace davit::shim
