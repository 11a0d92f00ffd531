// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The clients that wait for the end of one container.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "base/guarded.h"
#include "base/thread_annotations.h"
#include "local/lifecycle.h"

namespace davit::local {

// Every change of the container's record passes here, in order, so that no end is missed. Thread-safe.
class EndWaits : public std::enable_shared_from_this<EndWaits> {
 public:
  // Runs on the thread of the change, with the record's lock held: it must neither block nor use the record.
  using Done = std::function<void(int32_t exit_code)>;

  // One wait; it ends with the object.
  class Place {
   public:
    // Waits for a call of `done` in progress; none follows.
    ~Place() {
      MutexLock lock(of_->mutex_);
      of_->waits_.erase(at_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class EndWaits;
    struct Wait {
      api::WaitContainerRequest::Condition condition;
      uint32_t ended_run;
      Done done;  // empty once it was called
    };
    Place(std::shared_ptr<EndWaits> of, std::list<Wait>::iterator at) : of_(std::move(of)), at_(at) {}

    const std::shared_ptr<EndWaits> of_;
    const std::list<Wait>::iterator at_;
  };

  // Calls `done` once, at the change that ends the wait, or before it returns. `record` is locked.
  std::unique_ptr<Place> Add(api::WaitContainerRequest::Condition condition, const LocalRecord& record,
                             Done done) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    waits_.push_front({condition, LastEndedRun(record), std::move(done)});
    std::unique_ptr<Place> place(new Place(shared_from_this(), waits_.begin()));
    Tell(waits_.front(), record);
    return place;
  }

  void OnChange(const LocalRecord& record) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (Place::Wait& wait : waits_) Tell(wait, record);
  }

 private:
  void Tell(Place::Wait& wait, const LocalRecord& record) REQUIRES(mutex_) {
    if (wait.done == nullptr) return;
    std::optional<int32_t> exit_code = EndFor(record, wait.condition, wait.ended_run);
    if (!exit_code) return;
    RunGuarded("wait for container", [&] { std::exchange(wait.done, nullptr)(*exit_code); });
  }

  Mutex mutex_;
  std::list<Place::Wait> waits_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
