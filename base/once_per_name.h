// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One operation per name at a time: a retry joins the call in flight instead of failing or doing it twice.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// A client whose call timed out sends the call again. The second call must get the outcome of the first one,
// finished or not, and never an error that the name is in use. A call with other content must never get it.
//
// The first call for a name is the owner: it does the work and settles its Turn with the id of what it made.
// A Turn that is dropped without being settled (an early return, an exception) settles itself with kInternal,
// so no name stays claimed and nobody waits for ever. After a success the name is held by that id, and later
// calls with the same content get it, until Release. After a failure the name is free.
//
// Thread-safe; the object outlives its turns.
class OncePerName {
 public:
  using Outcome = Result<std::string>;

  // One call's part.
  class Turn {
   public:
    Turn(Turn&& other) noexcept
        : names_(std::exchange(other.names_, nullptr)),
          name_(std::move(other.name_)),
          outcome_(std::move(other.outcome_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();

    // True: this call does the work and settles.
    bool owner() const { return names_ != nullptr; }

    // The owner's outcome, once. Calls that joined get it.
    void Settle(Outcome outcome);

    // Waits for the owner's outcome. kDeadlineExceeded when it is not there at `deadline_ms`
    // (MonotonicMilliseconds).
    Outcome Join(int64_t deadline_ms) const;

   private:
    friend class OncePerName;
    Turn(OncePerName* names, std::string name, std::shared_future<Outcome> outcome)
        : names_(names), name_(std::move(name)), outcome_(std::move(outcome)) {}

    OncePerName* names_;  // null: not the owner, or settled
    std::string name_;
    std::shared_future<Outcome> outcome_;
  };

  // `fingerprint` stands for the content of the call: equal content has an equal one. kAlreadyExists, naming
  // the holder, when the name is claimed or held with another one.
  Result<Turn> Take(const std::string& name, const std::string& fingerprint) EXCLUDES(mutex_);

  // For recovery: the name is held by `id`, as after a Settle. Does nothing when the name is taken.
  void Restore(const std::string& name, const std::string& fingerprint, const std::string& id)
      EXCLUDES(mutex_);

  // `id` is gone: frees the name if `id` holds it. Otherwise the name is another one's, or claimed.
  void Release(const std::string& name, const std::string& id) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string fingerprint;
    std::string holder;  // the id, once settled
    std::promise<Outcome> promise;
    std::shared_future<Outcome> outcome;
  };

  void Settle(const std::string& name, Outcome outcome) EXCLUDES(mutex_);

  Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace davit
