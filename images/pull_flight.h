// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One pull that several callers wait for.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_record.h"
#include "images/pull_progress.h"

namespace davit::images {

// Every caller (passenger) calls Join first and Leave last. The first one does the work and calls Land; the
// others call Wait. Thread-safe.
class PullFlight {
 public:
  struct Passenger {
    int64_t deadline_ms = 0;  // MonotonicMilliseconds(); 0: none
    std::function<bool()> cancelled;

    // kDeadlineExceeded or kCancelled if this caller does not want the result any more.
    Result<> Check() const;
  };
  using Ticket = std::list<Passenger>::iterator;

  // Sets `ticket`. Returns false if all passengers have given up; the caller then starts a new flight.
  bool Join(Passenger passenger, Ticket& ticket);
  void Leave(Ticket ticket);

  // True while any passenger wants the result. Once false, it stays false.
  bool Wanted();

  // Written by the passenger who does the work.
  const std::shared_ptr<PullProgress>& progress() const { return progress_; }

  void Land(Result<PulledImage> result);

  // Blocks until the result is there or this passenger gives up (the error of Check).
  Result<PulledImage> Wait(Ticket ticket);

 private:
  const std::shared_ptr<PullProgress> progress_ = std::make_shared<PullProgress>();
  Mutex mutex_;
  CondVar landed_;
  std::list<Passenger> passengers_ GUARDED_BY(mutex_);
  bool given_up_ GUARDED_BY(mutex_) = false;
  std::optional<Result<PulledImage>> result_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
