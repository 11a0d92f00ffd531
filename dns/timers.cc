// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace davit::dns {
namespace {

constexpr int64_t kMsPerSecond = 1'000, kNsPerMs = 1'000'000;

}  // namespace

Result<std::unique_ptr<Timers>> Timers::Create(EventLoop& loop) {
  UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return SystemError("timerfd_create", "dns");
  std::unique_ptr<Timers> timers(new Timers(loop, std::move(timer)));
  TRY(loop.Add(timers->timer_.get(), EPOLLIN, [self = timers.get()](uint32_t) { self->OnTimer(); }));
  return timers;
}

Timers::~Timers() {
  loop_.Remove(timer_.get());
}

Timers::Id Timers::In(int64_t pause_ms, std::function<void()> work) {
  Id id = ++last_;
  auto at = queue_.emplace(SystemClock().MonotonicMilliseconds() + pause_ms, Entry{id, std::move(work)});
  by_id_.emplace(id, at);
  if (at == queue_.begin()) Arm();
  return id;
}

// The timer may then ring for nothing.
void Timers::Cancel(Id id) {
  auto found = by_id_.extract(id);
  if (!found.empty()) queue_.erase(found.mapped());
}

void Timers::Arm() {
  int64_t pause = queue_.empty()
                      ? 0
                      : std::max<int64_t>(queue_.begin()->first - SystemClock().MonotonicMilliseconds(), 1);
  itimerspec in{};
  in.it_value.tv_sec = pause / kMsPerSecond;
  in.it_value.tv_nsec = pause % kMsPerSecond * kNsPerMs;
  timerfd_settime(timer_.get(), 0, &in, nullptr);
}

void Timers::OnTimer() {
  uint64_t expirations = 0;
  [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
  int64_t now = SystemClock().MonotonicMilliseconds();
  while (!queue_.empty() && queue_.begin()->first <= now) {
    Entry due = std::move(queue_.begin()->second);
    by_id_.erase(due.id);
    queue_.erase(queue_.begin());
    due.work();
  }
  if (!queue_.empty()) Arm();
}

}  // namespace davit::dns
