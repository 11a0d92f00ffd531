// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/attempts.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"

namespace davit::images {
namespace {

Outcome OutcomeOf(const Error& error) {
  switch (error.code) {
    case Code::kCancelled:
      return Outcome::kLocal;
    case Code::kUnavailable:
      return error.os_errno == ETIMEDOUT ? Outcome::kStalled : Outcome::kCut;
    case Code::kDataLoss:
      return Outcome::kCut;
    default:
      return Outcome::kRefused;
  }
}

// False if the interrupt came first.
bool Pause(int64_t milliseconds, const Interrupt& interrupt) {
  int64_t end = MonotonicMilliseconds() + milliseconds;
  while (interrupt.Check()) {
    int64_t rest = end - MonotonicMilliseconds();
    if (rest <= 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min<int64_t>(rest, Interrupt::kAskEveryMs)));
  }
  return false;
}

}  // namespace

Setback::Setback(Error failure) : outcome(OutcomeOf(failure)), error(std::move(failure)) {}

std::expected<void, Setbacks> RunAttempts(size_t hosts, const RetryLimits& limits, const Interrupt& interrupt,
                                          const std::function<Attempted<>(size_t host)>& attempt) {
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<double> jitter(0, 1);
  std::vector<Attempt> history;
  Setbacks setbacks;
  while (true) {
    Step step = NextStep(history, hosts, limits, MonotonicMilliseconds(), jitter(random));
    if (!step.host || !Pause(step.pause_ms, interrupt)) return std::unexpected(std::move(setbacks));
    auto done = attempt(*step.host);
    if (done) return {};
    const Setback& setback = done.error();
    history.push_back(
        {*step.host, setback.outcome, setback.progress, setback.retry_after_ms, MonotonicMilliseconds()});
    setbacks.insert_or_assign(*step.host, std::move(done).error());
  }
}

Result<> RunAttemptsAtOneHost(const RetryLimits& limits, const Interrupt& interrupt,
                              const std::function<Attempted<>()>& attempt) {
  auto done = RunAttempts(/*hosts=*/1, limits, interrupt, [&](size_t) { return attempt(); });
  if (done) return {};
  TRY(interrupt.Check());
  if (done.error().empty()) return Fail(Code::kCancelled, "", "", "cancelled");
  return std::unexpected(std::move(done.error().begin()->second.error));
}

}  // namespace davit::images
