// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Publishes events of pods and containers to clients that watch (GetContainerEvents).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/clock.h"
#include "base/thread_annotations.h"
#include "cri/pods/event_feed.h"
#include "cri/pods/life_stage.h"
#include "cri/pods/pod_table.h"

namespace davit::cri {

// Events are derived from the records: after every change of a phase, the thread that made it calls Announce,
// and what is new in the record becomes events. If two threads announce two changes at the same time, the
// first one publishes both and the second one finds nothing new. So events have the order of the phases.
//
// Changes from a time without a daemon are not announced after a restart: a watcher's connection ended with
// the daemon, and after reconnecting it lists everything again, as the kubelet does.
//
// Thread-safe.
class Announcer {
 public:
  // Both must outlive the object.
  Announcer(PodTable& pods, const Clock& clock) : pods_(pods), clock_(clock) {}

  // Watches the events of what `owner` has from now on; for both functions see event_feed.h.
  std::unique_ptr<EventFeed::Watcher> Watch(std::function<void()> on_news, std::function<void()> cut_off,
                                            Owner owner = Owner::kCri) {
    return FeedOf(owner).Watch(std::move(on_news), std::move(cut_off));
  }
  // Ends all watchers. To be called before the daemon stops serving.
  void EndWatching() {
    cri_feed_.End();
    local_feed_.End();
  }

  void Announce(const Container& container) EXCLUDES(mutex_);
  void Announce(const Sandbox& sandbox) EXCLUDES(mutex_);
  // Announces the last changes, removes the object from the table, then announces the removal.
  void Withdraw(const Container& container) EXCLUDES(mutex_);
  void Withdraw(const Sandbox& sandbox) EXCLUDES(mutex_);

  // After a restart: treats the state in the records as already announced by the previous daemon.
  void RememberAnnounced() EXCLUDES(mutex_);

 private:
  void PublishNews(const Container& container) REQUIRES(mutex_);
  void PublishNews(const Sandbox& sandbox) REQUIRES(mutex_);
  void Publish(const Sandbox& sandbox, const std::string& id, ::runtime::v1::ContainerEventType type)
      REQUIRES(mutex_);

  EventFeed& FeedOf(Owner owner) {
    if (owner == Owner::kUnknown) return nobodys_feed_;
    return owner == Owner::kLocal ? local_feed_ : cri_feed_;
  }

  PodTable& pods_;
  const Clock& clock_;
  EventFeed cri_feed_;
  EventFeed local_feed_;
  EventFeed nobodys_feed_;
  // Ensures the order of events: only one at a time is derived from the records and published.
  Mutex mutex_;
  std::map<std::string, LifeStage> announced_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
