// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Work on the files of containers that a start or a removal of the container ends.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "base/pid_fd.h"
#include "base/thread_annotations.h"

namespace davit::local {

// Thread-safe. Must outlive its visits.
class Visits {
 public:
  // What ends a visit. It is over when the object is destroyed.
  enum class Until : uint8_t { kStart, kRemoval };

  class Visit {
   public:
    Visit(Visits& of, std::string id, Until until) : of_(of), id_(std::move(id)), until_(until) {}
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    // Asked between steps.
    bool ended() const { return ended_; }
    // Killed when the visit is ended, or now if it was.
    void SetProcess(PidFd process) EXCLUDES(mutex_);

   private:
    friend class Visits;
    void End() EXCLUDES(mutex_);

    Visits& of_;
    const std::string id_;
    const Until until_;
    std::atomic<bool> ended_ = false;
    Mutex mutex_;
    PidFd process_ GUARDED_BY(mutex_);
  };

  // `id` is the container's.
  std::unique_ptr<Visit> Begin(const std::string& id, Until until) EXCLUDES(mutex_);
  // Ends the visits of a container that is started or removed. Does not wait.
  void EndForStart(const std::string& id) { End(id, /*all=*/false); }
  void EndForRemoval(const std::string& id) { End(id, /*all=*/true); }

 private:
  void End(const std::string& id, bool all) EXCLUDES(mutex_);
  void Leave(const Visit& visit) EXCLUDES(mutex_);

  Mutex mutex_;
  std::multimap<std::string, Visit*> visits_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
