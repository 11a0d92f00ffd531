// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/pull_flight.h"

#include <algorithm>
#include <chrono>

#include "base/time.h"
#include "images/interrupt.h"

namespace davit::images {

Result<> PullFlight::Passenger::Check() const {
  if (cancelled && cancelled()) return Fail(Code::kCancelled, "pull image", "", "cancelled by its caller");
  if (deadline_ms > 0 && MonotonicMilliseconds() >= deadline_ms) {
    return Fail(Code::kDeadlineExceeded, "pull image", "", "the caller's deadline has passed");
  }
  return {};
}

bool PullFlight::Join(Passenger passenger, Ticket& ticket) {
  MutexLock lock(mutex_);
  if (given_up_) return false;
  ticket = passengers_.insert(passengers_.end(), std::move(passenger));
  return true;
}

void PullFlight::Leave(Ticket ticket) {
  MutexLock lock(mutex_);
  passengers_.erase(ticket);
}

bool PullFlight::Wanted() {
  MutexLock lock(mutex_);
  if (given_up_) return false;
  given_up_ = std::none_of(passengers_.begin(), passengers_.end(),
                           [](const Passenger& passenger) { return passenger.Check().has_value(); });
  return !given_up_;
}

void PullFlight::Land(Result<PulledImage> result) {
  MutexLock lock(mutex_);
  result_ = std::move(result);
  landed_.NotifyAll();
}

Result<PulledImage> PullFlight::Wait(Ticket ticket) {
  MutexLock lock(mutex_);
  while (!result_) {
    TRY(ticket->Check());
    landed_.WaitUntil(mutex_,
                      std::chrono::steady_clock::now() + std::chrono::milliseconds(Interrupt::kAskEveryMs));
  }
  return *result_;
}

}  // namespace davit::images
