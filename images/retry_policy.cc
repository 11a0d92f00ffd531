// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/retry_policy.h"

#include <algorithm>
#include <utility>

namespace davit::images {
namespace {

// What the history says about one host.
struct Standing {
  const Attempt* last = nullptr;  // null: not asked yet
  int failures = 0;               // in a row, without progress
  int stalls = 0;                 // of these
  bool refused = false;
  bool reached = false;  // it has answered or delivered something
};

Standing StandingOf(size_t host, std::span<const Attempt> history, const RetryLimits& limits) {
  Standing standing;
  for (const Attempt& attempt : history) {
    if (attempt.host != host) continue;
    standing.last = &attempt;
    standing.refused |= attempt.outcome == Outcome::kRefused;
    standing.reached |= attempt.progress > 0 || attempt.outcome == Outcome::kBusy;
    if (attempt.progress >= limits.progress_bytes) standing.failures = standing.stalls = 0;
    if (attempt.progress < limits.progress_bytes) ++standing.failures;
    if (attempt.outcome == Outcome::kStalled) ++standing.stalls;
  }
  return standing;
}

bool MayBeAsked(const Standing& host, bool any_refused, const RetryLimits& limits) {
  if (!host.last) return true;
  if (host.refused || (any_refused && !host.reached)) return false;
  return host.failures < limits.attempts && host.stalls < limits.stalls &&
         host.last->retry_after_ms <= limits.longest_retry_after_ms;
}

int64_t PauseBefore(const Standing& host, const RetryLimits& limits, int64_t now_ms, double jitter) {
  if (!host.last) return 0;
  int64_t back_off = std::min(limits.first_pause_ms, limits.longest_pause_ms);
  for (int i = 1; i < host.failures; ++i) back_off = std::min(2 * back_off, limits.longest_pause_ms);
  int64_t half = back_off / 2;
  int64_t pause = half + static_cast<int64_t>(static_cast<double>(half) * jitter);
  return std::max<int64_t>(0, host.last->ended_ms + host.last->retry_after_ms + pause - now_ms);
}

}  // namespace

Step NextStep(std::span<const Attempt> history, size_t hosts, const RetryLimits& limits, int64_t now_ms,
              double jitter) {
  if (!history.empty() && history.back().outcome == Outcome::kLocal) return {};
  bool any_refused = std::ranges::any_of(
      history, [](const Attempt& attempt) { return attempt.outcome == Outcome::kRefused; });
  Step next;
  std::pair<int64_t, int> best;  // pause and failures
  for (size_t host = 0; host < hosts; ++host) {
    Standing standing = StandingOf(host, history, limits);
    if (!MayBeAsked(standing, any_refused, limits)) continue;
    int64_t pause = PauseBefore(standing, limits, now_ms, jitter);
    bool resume = standing.last && standing.last == &history.back() && standing.last->progress > 0 &&
                  standing.last->outcome == Outcome::kCut;
    if (resume) return {host, pause};
    std::pair<int64_t, int> rank(pause, standing.failures);
    if (next.host && rank >= best) continue;
    next = {host, pause};
    best = rank;
  }
  return next;
}

}  // namespace davit::images
