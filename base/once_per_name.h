// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One operation per name at a time: a retry joins the call in progress instead of failing or repeating the
// work.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// A client whose call timed out repeats the call. The second call must get the outcome of the first one,
// finished or not, and never an error that the name is in use. A call with different content must never get
// that outcome.
//
// The first call for a name is the owner: it does the work and settles its Turn with the id of the object
// that it created. A Turn that is destroyed without Settle (an early return, an exception) settles itself
// with kInternal, so that no name stays claimed and no call waits for ever. After a success that id holds the
// name, and later calls with the same content get the id, until Release. After a failure the name is free.
//
// Thread-safe; the object must outlive its turns.
class OncePerName {
 public:
  using Outcome = Result<std::string>;

  // The part of one call in the operation.
  class [[nodiscard]] Turn {
   public:
    Turn(Turn&& other) noexcept
        : names_(std::exchange(other.names_, nullptr)),
          name_(std::move(other.name_)),
          outcome_(std::move(other.outcome_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();

    // True if this call must do the work and settle.
    bool owner() const { return names_ != nullptr; }

    // Called by the owner, at most once. The calls that joined get this outcome.
    void Settle(Outcome outcome);

    // Waits for the owner's outcome. kDeadlineExceeded if there is none by `deadline_ms`
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

  // `fingerprint` identifies the content of the call: equal content has an equal fingerprint. kAlreadyExists,
  // naming the holder, if the name is claimed or held with another fingerprint.
  Result<Turn> Take(const std::string& name, const std::string& fingerprint) EXCLUDES(mutex_);

  // For recovery: `id` holds the name, as after Settle. No-op if the name is already claimed or held.
  void Restore(const std::string& name, const std::string& fingerprint, const std::string& id)
      EXCLUDES(mutex_);

  // Call it when `id` no longer exists: frees the name if `id` holds it, otherwise does nothing. An object
  // may be listed, and removed by somebody, before the call that created it settles: then that settles with
  // `id`, and the name is free.
  void Release(const std::string& name, const std::string& id) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string fingerprint;
    std::string holder;              // the id, once settled
    std::set<std::string> released;  // ids whose release came before the claim was settled
    std::promise<Outcome> promise;
    std::shared_future<Outcome> outcome;
  };

  void Settle(const std::string& name, Outcome outcome) EXCLUDES(mutex_);

  Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace davit
