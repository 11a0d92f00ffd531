// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Several callers that want the same pull.
#pragma once

#include <functional>
#include <list>
#include <optional>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_record.h"

namespace davit {

// One caller (the first) does the work and calls Land; all call Join once and then Wait or Leave.
// Thread-safe.
class PullFlight {
 public:
  struct Passenger {
    int64_t deadline_ms = 0;  // MonotonicMilliseconds(); 0: none
    std::function<bool()> cancelled;

    // kDeadlineExceeded or kCancelled when this caller wants nothing more.
    Result<> Check() const;
  };
  using Ticket = std::list<Passenger>::iterator;

  // False when everybody has given up: who comes then starts a flight of its own.
  bool Join(Passenger passenger, Ticket& ticket);
  void Leave(Ticket ticket);

  // True as long as any passenger wants the result. Once it was false it stays so.
  bool Wanted();

  void Land(Result<ImageRecord> result);

  // Waits for the result, or until this passenger gives up.
  Result<ImageRecord> Wait(Ticket ticket);

 private:
  Mutex mutex_;
  CondVar landed_;
  std::list<Passenger> passengers_ GUARDED_BY(mutex_);
  bool given_up_ GUARDED_BY(mutex_) = false;
  std::optional<Result<ImageRecord>> result_ GUARDED_BY(mutex_);
};

}  // namespace davit
