// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls that several callers wait for.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_record.h"
#include "images/transfer_progress.h"

namespace davit::images {

// Other than the calls of OncePerName (base/once_per_name.h), a flight ends when nobody wants its result any
// more, and once it has landed nobody holds its key.
//
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
  const std::shared_ptr<TransferProgress>& progress() const { return progress_; }

  void Land(Result<PulledImage> result);

  // Blocks until the result is there or this passenger gives up (the error of Check).
  Result<PulledImage> Wait(Ticket ticket);

 private:
  const std::shared_ptr<TransferProgress> progress_ = std::make_shared<TransferProgress>();
  Mutex mutex_;
  CondVar landed_;
  std::list<Passenger> passengers_ GUARDED_BY(mutex_);
  bool given_up_ GUARDED_BY(mutex_) = false;
  std::optional<Result<PulledImage>> result_ GUARDED_BY(mutex_);
};

// The pulls in progress. Thread-safe.
class PullFlights {
 public:
  struct Landing {
    Result<PulledImage> result;
    bool ours = false;  // this caller did the work
  };
  // The first caller with a key calls `work`; callers that come before its end wait for its result. Every
  // caller first gets the flight by `on_board`. An exception that one of the functions throws becomes an
  // error; the pull ends for all others as well if it was the work that threw.
  Landing Fly(const std::string& key, const PullFlight::Passenger& passenger,
              const std::function<void(PullFlight&)>& on_board,
              const std::function<Result<PulledImage>(PullFlight&)>& work) EXCLUDES(mutex_);

 private:
  // The flight for `key`, and whether it is new.
  std::pair<std::shared_ptr<PullFlight>, bool> Board(const std::string& key,
                                                     const PullFlight::Passenger& passenger,
                                                     PullFlight::Ticket& ticket) EXCLUDES(mutex_);
  void End(const std::string& key, const std::shared_ptr<PullFlight>& flight) EXCLUDES(mutex_);

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<PullFlight>> flights_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
