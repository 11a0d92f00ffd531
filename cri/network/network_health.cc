// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/network_health.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/guarded.h"

namespace davit::cri {

Result<std::unique_ptr<NetworkHealth>> NetworkHealth::Start(Options options, Look look) {
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return SystemError("eventfd", "network health");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return SystemError("eventfd", "network health");
  return std::unique_ptr<NetworkHealth>(
      new NetworkHealth(std::move(options), std::move(look), std::move(stop), std::move(wake)));
}

NetworkHealth::NetworkHealth(Options options, Look look, UniqueFd stop, UniqueFd wake)
    : options_(std::move(options)),
      look_(std::move(look)),
      stop_(std::move(stop)),
      wake_(std::move(wake)),
      watch_(options_.watched_dir),
      judgement_(Fail(Code::kUnavailable, "check network", "", "it has not been looked at yet")),
      thread_([this] { Run(); }) {}

NetworkHealth::~NetworkHealth() {
  eventfd_write(stop_.get(), 1);
}

Result<> NetworkHealth::Last() {
  MutexLock lock(mutex_);
  asked_at_ = Clock::now();
  if (!options_.periodic && asked_at_ - looked_at_ > options_.idle_period) LookAgain();
  if (!look_began_ || Clock::now() - *look_began_ <= options_.patience) return judgement_;
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - *look_began_).count();
  return Fail(Code::kDeadlineExceeded, "check network", "",
              "the look at it has not ended for " + std::to_string(seconds) + " s" +
                  (judgement_ ? "" : "; before: " + judgement_.error().ToString()));
}

void NetworkHealth::LookAgain() {
  eventfd_write(wake_.get(), 1);
}

bool NetworkHealth::AwaitLook(Milliseconds patience) {
  Clock::time_point deadline = Clock::now() + patience;
  MutexLock lock(mutex_);
  uint64_t mine = begun_ + 1;
  LookAgain();
  while (ended_ < mine)
    if (!looked_.WaitUntil(mutex_, deadline)) return ended_ >= mine;
  return true;
}

void NetworkHealth::Run() {
  do LookOnce();
  while (WaitForReason());
}

void NetworkHealth::LookOnce() {
  {
    MutexLock lock(mutex_);
    eventfd_t reasons = 0;  // this look serves all that have been given so far
    eventfd_read(wake_.get(), &reasons);
    ++begun_;
    look_began_ = Clock::now();
  }
  watch_.Renew();
  Result<> judgement = Guarded("check", "network", [this] { return look_(stop_.get()); });
  MutexLock lock(mutex_);
  Take(std::move(judgement));
  look_began_.reset();
  looked_at_ = Clock::now();
  ++ended_;
  looked_.NotifyAll();
}

void NetworkHealth::Take(Result<> judgement) {
  constexpr int kMaxUnseen = 3;
  if (judgement)
    retry_.reset();
  else
    retry_ = retry_ ? std::min(2 * *retry_, options_.longest_retry) : options_.retry;
  bool unseen = !judgement && judgement.error().os_errno == EINTR;
  unseen_ = unseen ? std::min(unseen_ + 1, kMaxUnseen + 1) : 0;
  if (!unseen || unseen_ > kMaxUnseen || ended_ == 0) judgement_ = std::move(judgement);
}

// False when the thread is to end.
bool NetworkHealth::WaitForReason() {
  pollfd waits[] = {{stop_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}};
  std::optional<Milliseconds> pause = Pause();
  int timeout_ms = pause ? static_cast<int>(pause->count()) : -1;
  int ready = TEMP_FAILURE_RETRY(poll(waits, 3, timeout_ms));
  if (ready > 0 && waits[0].revents == 0) poll(waits, 1, static_cast<int>(options_.quiet.count()));
  return waits[0].revents == 0;
}

// No value: until something happens.
std::optional<NetworkHealth::Milliseconds> NetworkHealth::Pause() {
  MutexLock lock(mutex_);
  if (!options_.periodic) return retry_;
  Milliseconds period =
      Clock::now() - asked_at_ < options_.idle_period ? options_.period : options_.idle_period;
  return std::min(period, retry_.value_or(period));
}

}  // namespace davit::cri
