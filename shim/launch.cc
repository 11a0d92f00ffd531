// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/launch.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/codec.h"
#include "base/error_message.h"
#include "shim/exec_outcome.h"
#include "shim/placement.h"

namespace davit::shim {
namespace {
// A killed process is gone in microseconds, unless it hangs in the kernel; then nobody waits for it any
// longer than this.
constexpr int64_t kKillGraceMs = 2000;
}  // namespace

Launch::Launch(Environment& env, pid_t pid, const PidFd& pidfd, UniqueFd sync, Options options,
               OnDone on_done, Children::OnExit on_exit)
    : env_(env),
      pid_(pid),
      pidfd_(pidfd),
      sync_(std::move(sync)),
      options_(std::move(options)),
      on_done_(std::move(on_done)),
      on_exit_(std::move(on_exit)) {}

Launch::~Launch() {
  if (on_done_) env_.children.Forget(pid_);
  StopWatching();
}

void Launch::Begin() {
  bool by_helper = options_.helper != 0;
  if (by_helper) env_.children.Watch(options_.helper, [this](ExitStatus status) { OnHelperExit(status); });
  // If the child exists already, only the end of the stream wakes us; earlier messages are read then.
  Result<> watched;
  if (by_helper || !options_.quiet)
    watched = env_.loop.Add(sync_.get(), by_helper ? uint32_t{EPOLLIN} : 0, [this](uint32_t) { Look(); });
  if (options_.timeout_ms > 0) timer_ = env_.timers.Add(options_.timeout_ms, [this] { OnTimeout(); });
  if (!by_helper) WatchChild();
  if (!watched) return Abort(watched.error());
  if (!by_helper) PlaceAndRelease();
}

void Launch::WatchChild() {
  env_.children.Watch(pid_, [this](ExitStatus status) { OnExit(status); });
}

void Launch::OnBorn(Frame& frame) {
  Result<ClonedProcess> child = ReadBirth(frame);
  if (!child || pid_ != 0) return;
  pid_ = child->pid;
  Result<> taken = options_.on_born(std::move(*child));
  if (IsReaped()) {
    // Killed by somebody in its PID namespace before this was read.
    pid_ = 0;
    return;
  }
  WatchChild();
  if (options_.quiet) {
    env_.loop.Remove(sync_.get());
  } else if (taken) {
    taken = env_.loop.Modify(sync_.get(), 0);
  }
  if (failure_ || !taken) return Abort(failure_ ? *failure_ : taken.error());
  PlaceAndRelease();
}

// A child that nobody watched when it ended is no child any more.
bool Launch::IsReaped() const {
  siginfo_t info{};
  return waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG | WNOWAIT) < 0 &&
         errno == ECHILD;
}

void Launch::OnHelperExit(ExitStatus status) {
  options_.helper = 0;
  ReadSync();
  if (pid_ != 0) return;
  if (!failure_) failure_ = EndedTooEarly(options_.subject, status);
  Finish(std::unexpected(std::move(*failure_)));
}

void Launch::Abort(Error reason) {
  if (!failure_) failure_ = std::move(reason);
  // Already dead is as good.
  if (pid_ != 0) {
    [[maybe_unused]] Result<> killed = pidfd_.Signal(SIGKILL);
  } else if (options_.helper != 0) {
    (void)kill(options_.helper, SIGKILL);  // not reaped as long as it is watched
  }
  env_.timers.Cancel(timer_);
  timer_ = env_.timers.Add(kKillGraceMs, [this] { OnTimeout(); });
}

void Launch::OnTimeout() {
  if (!failure_) {
    if (Look()) return;
    std::string where = options_.progress ? options_.progress->Read() : "";
    Error late{Code::kDeadlineExceeded, 0, "start", options_.subject,
               "not running after " + std::to_string(options_.timeout_ms) + " ms" +
                   (where.empty() ? "" : ", waiting for " + where)};
    return Abort(std::move(late));
  }
  env_.children.Forget(pid_);
  Finish(std::unexpected(std::move(*failure_)));
}

bool Launch::Look() {
  if (!ReadSync()) return false;
  env_.loop.Remove(sync_.get());
  if (pid_ == 0) return false;  // the end of the helper follows
  // Else the exit follows.
  if (!HasSucceeded()) return false;
  Succeed();
  return true;
}

bool Launch::ReadSync() {
  while (true) {
    Result<Frame> frame = ReceiveFrame(sync_.get());
    // A child that exits without reading kRelease resets the connection, and that is told before what it has
    // sent.
    if (!frame && frame.error().os_errno == ECONNRESET) continue;
    if (!frame) return frame.error().os_errno != EAGAIN;
    switch (static_cast<SyncMessage>(frame->type)) {
      case SyncMessage::kConsole:
        if (UniqueFd controller = frame->fds.Take(SyncFd::kController); controller && options_.on_console)
          options_.on_console(std::move(controller));
        break;
      case SyncMessage::kAnnouncement:
        if (auto announcement = Decode<Announcement>(frame->payload, "announcement"))
          announcement_ = std::move(*announcement);
        break;
      case SyncMessage::kFailed:
        if (auto failure = Decode<ErrorMessage>(frame->payload, "failure"); failure && !failure_) {
          failure_ = ToError(*failure);
        }
        break;
      case SyncMessage::kBorn:
        OnBorn(*frame);
        break;
      case SyncMessage::kReady:
      case SyncMessage::kRelease:
        break;
    }
  }
}

// The end of the stream after the announcement is the exec, unless a filter forbids the child to report.
bool Launch::HasSucceeded() const {
  if (!announcement_ || failure_) return false;
  return !announcement_->filtered || HasExecuted(env_.own.proc.get(), pid_).value_or(true);
}

void Launch::OnExit(ExitStatus status) {
  ReadSync();
  // On the way to its program no child exits with 0.
  if (announcement_ && !failure_ && (status.code == 0 || HasSucceeded())) {
    // It ran and has ended before the end of its socket was noticed.
    Children::OnExit on_exit = std::move(on_exit_);
    Finish(std::move(announcement_->identity));
    return on_exit(status);
  }
  if (!failure_) failure_ = WhyItEnded(status);
  Finish(std::unexpected(std::move(*failure_)));
}

Error Launch::WhyItEnded(ExitStatus status) const {
  return announcement_ ? EndedBeforeExec(*announcement_, options_.subject, status)
                       : EndedTooEarly(options_.subject, status);
}

void Launch::PlaceAndRelease() {
  Result<> placed = Place(env_, pid_, options_.placement);
  if (placed) placed = SendSync(sync_.get(), SyncMessage::kRelease);
  // A child that failed meanwhile has closed its end and said why, or is about to be reaped.
  if (!placed && placed.error().os_errno != EPIPE) Abort(placed.error());
}

void Launch::Succeed() {
  env_.children.Watch(pid_, std::move(on_exit_));
  Finish(std::move(announcement_->identity));
}

void Launch::Finish(Result<Identity> result) {
  StopWatching();
  OnDone on_done = std::exchange(on_done_, nullptr);
  on_done(std::move(result));  // `this` may be gone now
}

void Launch::StopWatching() {
  if (options_.helper != 0) env_.children.Forget(options_.helper);
  options_.helper = 0;
  env_.timers.Cancel(timer_);
  timer_ = 0;
  if (sync_) env_.loop.Remove(sync_.get());
  sync_.Reset();
}

}  // namespace davit::shim
