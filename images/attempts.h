// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Repeats a request at the hosts of a registry until one of them succeeds (retry_policy.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>

#include "base/error.h"
#include "images/interrupt.h"
#include "images/retry_policy.h"

namespace davit::images {

// Why an attempt failed, and what that means for the next one.
struct Setback {
  // kCancelled becomes kLocal, kUnavailable with ETIMEDOUT kStalled, other kUnavailable and kDataLoss kCut;
  // all else is kRefused.
  Setback(Error failure);  // implicit: TRY converts
  Setback(Outcome how, Error failure) : outcome(how), error(std::move(failure)) {}

  Outcome outcome;
  Error error;
  int64_t progress = 0;        // as in Attempt
  int64_t retry_after_ms = 0;  // as in Attempt
};

template <typename T = void>
using Attempted = std::expected<T, Setback>;

// The last setback of every host that was asked, by its position in the order of hosts.
using Setbacks = std::map<size_t, Setback>;

// Calls `attempt` with the position of a host until it succeeds. Waits between attempts as the policy says,
// but not longer than `interrupt` allows. Empty Setbacks if there are no hosts or nothing was attempted.
std::expected<void, Setbacks> RunAttempts(size_t hosts, const RetryLimits& limits, const Interrupt& interrupt,
                                          const std::function<Attempted<>(size_t host)>& attempt);

// The same for one host: returns the error of the last attempt, or kCancelled.
Result<> RunAttemptsAtOneHost(const RetryLimits& limits, const Interrupt& interrupt,
                              const std::function<Attempted<>()>& attempt);

}  // namespace davit::images
