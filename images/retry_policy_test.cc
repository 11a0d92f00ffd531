// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/retry_policy.h"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

namespace davit::images {

void PrintTo(const Step& step, std::ostream* out) {
  if (step.host) *out << "host " << *step.host << " after " << step.pause_ms << " ms";
  if (!step.host) *out << "give up";
}

namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr Step kGiveUp{};

// Attempts end at 0, so that a pause is the whole pause.
Attempt Cut(size_t host, int64_t progress = 0) {
  return {host, Outcome::kCut, progress, 0, 0};
}
Attempt Stalled(size_t host, int64_t progress = 0) {
  return {host, Outcome::kStalled, progress, 0, 0};
}
Attempt Busy(size_t host, int64_t retry_after_ms = 0) {
  return {host, Outcome::kBusy, 0, retry_after_ms, 0};
}
Attempt Refused(size_t host) {
  return {host, Outcome::kRefused, 0, 0, 0};
}
Attempt Local(size_t host) {
  return {host, Outcome::kLocal, 0, 0, 0};
}

Step At(size_t host, int64_t pause_ms) {
  return {host, pause_ms};
}

struct Case {
  const char* what;
  std::vector<Attempt> history;
  size_t hosts;
  Step next;
};

const Case kCases[] = {
    {"no host", {}, 0, kGiveUp},
    {"the first host comes first", {}, 2, At(0, 0)},
    {"a cut with bytes is resumed here", {Cut(0, 100)}, 2, At(0, 500)},
    {"a cut without bytes moves on", {Cut(0)}, 2, At(1, 0)},
    {"a stalled host is left, even with bytes", {Stalled(0, kMiB)}, 2, At(1, 0)},
    {"a busy host is left at once", {Busy(0, 5000)}, 2, At(1, 0)},
    {"a refusal moves on", {Refused(0)}, 2, At(1, 0)},
    {"the only host is tried again", {Cut(0)}, 1, At(0, 500)},
    {"the back-off doubles", {Busy(0), Busy(0)}, 1, At(0, 1000)},
    {"up to its bound", {Busy(0), Busy(0), Busy(0)}, 1, At(0, 1500)},
    {"attempts are bounded", {Busy(0), Busy(0), Busy(0), Busy(0)}, 1, kGiveUp},
    {"progress ends a row", {Cut(0), Cut(0), Cut(0), Cut(0, kMiB)}, 1, At(0, 500)},
    {"a trickle is no progress", {Cut(0, 9), Cut(0, 9), Cut(0, 9), Cut(0, 9)}, 1, kGiveUp},
    {"then the next host goes on", {Cut(0, 9), Cut(0, 9), Cut(0, 9), Cut(0, 9)}, 2, At(1, 0)},
    {"a second stall is the last", {Stalled(0), Stalled(0)}, 1, kGiveUp},
    {"Retry-After is obeyed", {Busy(0, 5000)}, 1, At(0, 5500)},
    {"within bounds", {Busy(0, 10'001)}, 1, kGiveUp},
    {"the soonest of several", {Busy(0, 5000), Busy(1, 2000)}, 2, At(1, 2500)},
    {"ties go by order", {Busy(0), Busy(1)}, 2, At(0, 500)},
    {"refused by all", {Refused(0), Refused(1)}, 2, kGiveUp},
    {"a busy mirror may still help", {Busy(0), Refused(1)}, 2, At(0, 500)},
    {"as may one that delivered", {Cut(0, 9), Cut(0), Refused(1)}, 2, At(0, 1000)},
    {"an answer beats a dead mirror", {Cut(0), Refused(1)}, 2, kGiveUp},
    {"no host helps against our own failure", {Local(0)}, 2, kGiveUp},
};

RetryLimits Limits() {
  RetryLimits limits;
  limits.attempts = 4;
  limits.stalls = 2;
  limits.progress_bytes = kMiB;
  limits.first_pause_ms = 1000;  // the pauses of the table have no jitter: half of the back-off
  limits.longest_pause_ms = 3000;
  limits.longest_retry_after_ms = 10'000;
  return limits;
}

TEST(RetryPolicy, ChoosesTheNextStep) {
  for (const Case& c : kCases)
    EXPECT_EQ(NextStep(c.history, c.hosts, Limits(), /*now_ms=*/0, /*jitter=*/0), c.next) << c.what;
}

TEST(RetryPolicy, JitterAddsUpToHalfOfTheBackOff) {
  std::vector<Attempt> history = {Busy(0, 2000), Busy(0, 2000)};
  EXPECT_EQ(NextStep(history, 1, Limits(), 0, 0.5), At(0, 2000 + 1000 + 500));
  EXPECT_EQ(NextStep(history, 1, Limits(), 0, 0.999).pause_ms, 2000 + 1999);
}

TEST(RetryPolicy, TimeThatHasPassedCounts) {
  std::vector<Attempt> history = {Busy(0), Busy(1)};
  history[0].ended_ms = 10'000;
  history[1].ended_ms = 10'400;
  EXPECT_EQ(NextStep(history, 2, Limits(), 10'400, 0), At(0, 100));
  EXPECT_EQ(NextStep(history, 2, Limits(), 20'000, 0), At(0, 0));
}

TEST(RetryPolicy, AHostThatStalledIsLeftHoweverLateItIs) {
  EXPECT_EQ(NextStep(std::vector{Stalled(0, 300)}, 2, Limits(), /*now_ms=*/20'000, 0), At(1, 0));
}

}  // namespace
}  // namespace davit::images
