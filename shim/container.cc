// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/container.h"

#include <signal.h>

#include "base/time.h"
#include "shim/late_logs.h"
#include "shim/oom.h"

namespace davit::shim {
namespace {
// For which an exit waits, that its output be in the log when it is reported. A log that hangs gets it later.
constexpr int64_t kLogPatienceMs = 2000;
}  // namespace

void Container::ReopenLog(UniqueFd log, std::function<void()> done) {
  log_->Reopen(std::move(log), std::move(done));
}

Result<> Container::Attach(AttachedClient client) {
  return log_->Attach(std::move(client));
}

void Container::Kill() {
  if (launch_) {
    launch_->Abort({Code::kCancelled, 0, "start", live_.container_id, "killed before it was running"});
  } else if (running_) {
    killed_ = true;
    [[maybe_unused]] Result<> killed = pidfd_.Signal(SIGKILL);  // gone already is as good
  }
}

// What the OOM killer takes before the program runs has no other sign than a signal, and where its builder is
// the victim, that one is gone.
Error Container::WhyNotStarted(Error error) const {
  if (!WasOomKilled(/*exit_code=*/0)) return error;
  return {Code::kResourceExhausted, 0, "start", live_.container_id,
          "killed for lack of memory before it could run its program: its memory limit, or its pod's, is too "
          "small"};
}

void Container::OnInitExit(ExitStatus status) {
  // Read at once: systemd removes the cgroup of a scope, and the count with it, when it is empty.
  bool oom_killed = WasOomKilled(status.code);
  exit_ = {live_.container_id, status.code, status.signal, oom_killed, UnixNanoseconds()};
  // The end of a PID namespace's first process takes all others with it before it can be reaped. Without a
  // namespace of its own a container leaves them behind.
  if (own_pid_namespace_ || cgroup_.procs.empty()) return FinishExit();
  sweep_ = std::make_unique<CgroupSweep>(
      env_, cgroup_.procs.front().get(), cgroup_.kill.get(), [this](bool empty) {
        if (!empty)
          env_.log.Log(LogLevel::kError, "processes survive their container",
                       {{"container", exit_.container_id}});
        std::unique_ptr<CgroupSweep> sweep =
            std::move(sweep_);  // it is calling: lives until the end of this function
        FinishExit();
      });
  sweep_->Begin();
}

void Container::FinishExit() {
  if (log_->Finish([this] { ReportExit(); })) return ReportExit();
  log_patience_ = env_.timers.Add(kLogPatienceMs, [this] { LeaveLog(); });
}

void Container::LeaveLog() {
  env_.log.Log(LogLevel::kWarning, "a container's log does not take its last output yet",
               {{"container", exit_.container_id}});
  env_.late_logs.Adopt(std::move(log_));
  ReportExit();
}

void Container::ReportExit() {
  env_.timers.Cancel(log_patience_);
  if (log_ && log_->dropped_bytes() > 0) {
    env_.log.Log(LogLevel::kWarning, "log output was dropped",
                 {{"container", exit_.container_id}, {"bytes", std::to_string(log_->dropped_bytes())}});
  }
  running_ = false;
  auto on_exited = std::move(callbacks_.on_exited);  // may destroy this object
  on_exited(ContainerExited(exit_));
}

bool Container::WasOomKilled(int exit_code) const {
  if (!cgroup_.oom) return false;
  Result<uint64_t> kills = ReadOomKills(cgroup_.oom.get());
  if (kills) return *kills > 0;
  if (kills.error().os_errno != ENODEV) {
    env_.log.Log(LogLevel::kWarning, "cannot read OOM kills", {{"error", kills.error().ToString()}});
    return false;
  }
  // Removed by systemd, which was faster. The parent counts those of all its children: one of them is this
  // container's if that was killed, and not by us. A shell as the first process passes the code on.
  bool was_killed = exit_code == 128 + SIGKILL && !killed_;
  return was_killed && cgroup_.parent_oom &&
         ReadOomKills(cgroup_.parent_oom.get()).value_or(0) > parent_oom_kills_;
}

}  // namespace davit::shim
