// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What happens to local containers, volumes and networks, for the clients that want to know.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/davit/v1/events.pb.h"
#include "base/clock.h"
#include "base/thread_annotations.h"
#include "cri/pods/feed.h"

namespace davit::local {

namespace api = ::davit::v1;

// Keeps the last events in memory. Whoever notes one never waits for a client. Thread-safe.
class EventLog {
 public:
  static constexpr size_t kMostKept = 1000;
  // Waiting for one client. An event has some hundred bytes.
  static constexpr size_t kMostWaitingBytes = 1 << 20;

  // `clock` must outlive the object.
  explicit EventLog(const Clock& clock) : clock_(clock), feed_(kMostWaitingBytes) {}

  using Attributes = std::vector<std::pair<std::string, std::string>>;
  void Note(const char* type, const std::string& action, const std::string& id, const Attributes& attributes)
      EXCLUDES(mutex_);

  // The events from a time on, and then the new ones.
  class Watch {
   public:
    // The next one; nullptr if there is none yet. The errors are those of Feed.
    Result<cri::Feed<api::Event>::Event> Next();

   private:
    friend class EventLog;
    std::deque<cri::Feed<api::Event>::Event> kept_;
    std::unique_ptr<cri::Feed<api::Event>::Watcher> watcher_;
  };
  // `since` is in nanoseconds since 1970; 0: only new ones. The functions are those of Feed::Watch. The
  // object must outlive the watch.
  std::unique_ptr<Watch> Begin(int64_t since, std::function<void()> on_news, std::function<void()> cut_off)
      EXCLUDES(mutex_);

 private:
  using Feed = cri::Feed<api::Event>;

  const Clock& clock_;
  Feed feed_;
  Mutex mutex_;  // held while an event is noted, so that a new watch misses none and gets none twice
  std::deque<Feed::Event> kept_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
