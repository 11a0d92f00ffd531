// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/follow.h"

#include <poll.h>

#include <algorithm>

#include "base/time.h"
#include "cli/log_printer.h"
#include "cli/log_tail.h"

namespace davit::cli {
namespace {

// The CRI has no call that waits for a container's end, and one of ours would end with the daemon. The log is
// closed at that moment, which is what we wait for; asking from time to time, ever more rarely, is for
// containers whose log stays open or is out of sight.
constexpr int64_t kFirstAskMs = 10;
constexpr int64_t kLastAskMs = 1000;
// How long the daemon may be away, as for an upgrade.
constexpr int64_t kPatienceMs = 240'000;

// What the daemon says of the container, asked at the right times.
class StatusWatch {
 public:
  explicit StatusWatch(const AskContainer& ask) : ask_(ask) {}

  const Watched& status() const { return status_; }

  // Until the next question is due.
  int TimeoutMs() const {
    return static_cast<int>(std::clamp<int64_t>(ask_at_ - MonotonicMilliseconds(), 0, kLastAskMs));
  }

  // Something suggests that the end is near.
  void AskSoon() { interval_ms_ = kFirstAskMs; }

  // The first request: its failure is an error.
  Result<> Ask() {
    status_ = TRY(ask_());
    int64_t now = MonotonicMilliseconds();
    answered_at_ = now;
    ask_at_ = now + interval_ms_;
    interval_ms_ = std::min(2 * interval_ms_, kLastAskMs);
    return {};
  }

  // Later ones may be cut off by an interrupt or by the daemon's restart: then the status stays what it is
  // for now.
  Result<> AskAgain() {
    Result<> asked = Ask();
    if (asked) return {};
    bool cut_off = asked.error().code == Code::kUnavailable || asked.error().code == Code::kCancelled;
    int64_t now = MonotonicMilliseconds();
    if (!cut_off || now - answered_at_ > kPatienceMs) return asked;
    ask_at_ = now + kLastAskMs;
    return {};
  }

 private:
  const AskContainer& ask_;
  Watched status_;
  int64_t interval_ms_ = kFirstAskMs;
  int64_t ask_at_ = 0;
  int64_t answered_at_ = MonotonicMilliseconds();
};

std::unexpected<Error> Interrupted() {
  return Fail(Code::kCancelled, "wait for the container", "", "interrupted");
}

enum class Wake { kTimeout, kLogGrew, kLogClosed, kInterrupt };

Result<Wake> WaitForSomething(LogTail& tail, Interrupt& interrupt, int timeout_ms) {
  pollfd waits[] = {{tail.fd(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}};
  int ready = poll(waits, 2, timeout_ms);
  if (ready < 0 && errno != EINTR) return SystemError("poll", "");
  if (ready <= 0) return Wake::kTimeout;
  if ((waits[1].revents & POLLIN) != 0 && interrupt.Take()) return Wake::kInterrupt;
  return TRY(tail.TakeEvents()) ? Wake::kLogClosed : Wake::kLogGrew;
}

// The way of a line from the file to the console.
class LogPath {
 public:
  LogPath(const Session& session, LogTail& tail, const LogChoice& choice, LogForm form)
      : tail_(tail),
        until_(choice.until),
        printer_(session.console, form),
        selection_(choice, [this](std::string_view line) { return printer_.Add(line); }) {}

  Result<> PrintNews() {
    Result<> drained = tail_.Drain([this](std::string_view line) { return selection_.Add(line); });
    TRY(selection_.EndBeginning());
    TRY(printer_.Flush());
    return drained;
  }

  // Nothing more will be chosen.
  bool IsOver() const {
    return selection_.past_until() || (!until_.empty() && FormatRfc3339Nano(UnixNanoseconds()) > until_);
  }

 private:
  LogTail& tail_;
  const std::string until_;
  LogPrinter printer_;
  LogSelection selection_;
};

}  // namespace

Result<> FollowContainer(const Session& session, LogTail& tail, const LogChoice& choice, LogForm form,
                         const AskContainer& ask) {
  TRY(tail.KeepUp());
  StatusWatch watch(ask);
  TRY(watch.Ask());
  LogPath log(session, tail, choice, form);
  for (;;) {
    // The log is complete before the status says that the container has ended.
    TRY(log.PrintNews());
    if (watch.status().ended || log.IsOver()) return {};
    Wake wake = TRY(WaitForSomething(tail, session.interrupt, watch.TimeoutMs()));
    if (wake == Wake::kInterrupt) return Interrupted();
    if (wake == Wake::kLogClosed) watch.AskSoon();
    if (wake == Wake::kLogClosed || watch.TimeoutMs() == 0) TRY(watch.AskAgain());
  }
}

Result<int> AwaitExit(const Session& session, const AskContainer& ask) {
  StatusWatch watch(ask);
  do {
    TRY(watch.AskAgain());
    if (watch.status().ended) return watch.status().exit_code;
    pollfd interrupt{session.interrupt.fd(), POLLIN, 0};
    if (poll(&interrupt, 1, watch.TimeoutMs()) < 0 && errno != EINTR) return SystemError("poll", "");
  } while (!session.interrupt.Take());
  return Interrupted();
}

Result<> PrintLog(const Session& session, LogTail& tail, const LogChoice& choice, LogForm form) {
  return LogPath(session, tail, choice, form).PrintNews();
}

}  // namespace davit::cli
