// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/pull_flight.h"

#include <algorithm>
#include <chrono>

#include "base/guarded.h"
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

std::pair<std::shared_ptr<PullFlight>, bool> PullFlights::Board(const std::string& key,
                                                                const PullFlight::Passenger& passenger,
                                                                PullFlight::Ticket& ticket) {
  MutexLock lock(mutex_);
  if (auto flight = flights_.find(key); flight != flights_.end() && flight->second->Join(passenger, ticket))
    return {flight->second, false};
  auto flight = std::make_shared<PullFlight>();
  flight->Join(passenger, ticket);
  flights_[key] = flight;
  return {flight, true};
}

void PullFlights::End(const std::string& key, const std::shared_ptr<PullFlight>& flight) {
  MutexLock lock(mutex_);
  // One that was given up may have been replaced already.
  if (auto current = flights_.find(key); current != flights_.end() && current->second == flight)
    flights_.erase(current);
}

PullFlights::Landing PullFlights::Fly(const std::string& key, const PullFlight::Passenger& passenger,
                                      const std::function<void(PullFlight&)>& on_board,
                                      const std::function<Result<PulledImage>(PullFlight&)>& work) {
  PullFlight::Ticket ticket;
  auto [flight, ours] = Board(key, passenger, ticket);
  Result<PulledImage> result = Guarded("pull", "image", [&]() -> Result<PulledImage> {
    on_board(*flight);
    return ours ? work(*flight) : flight->Wait(ticket);
  });
  if (ours) {
    End(key, flight);
    flight->Land(result);
  }
  flight->Leave(ticket);
  return {std::move(result), ours};
}

}  // namespace davit::images
