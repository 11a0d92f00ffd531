// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Events of pods and containers, for clients that watch (GetContainerEvents).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/thread_annotations.h"
#include "cri/pods/event_feed.h"
#include "cri/pods/life_stage.h"
#include "cri/pods/pod_table.h"

namespace davit {

// Events follow from the records: after every change of a phase, the thread that made it announces the pod or
// container, and what is new in its record becomes events. When two threads announce two changes at once, the
// first one publishes both and the second one finds nothing left. So the order of events is that of the
// phases.
//
// What happened while no daemon ran is not announced after a restart: a watcher's connection ended with the
// daemon, and it lists everything again when it comes back, as the kubelet does.
//
// Thread-safe.
class Announcer {
 public:
  // `pods` outlives the object.
  explicit Announcer(PodTable& pods) : pods_(pods) {}

  // From now on; both functions as in event_feed.h.
  std::unique_ptr<EventFeed::Watcher> Watch(std::function<void()> on_news, std::function<void()> cut_off) {
    return feed_.Watch(std::move(on_news), std::move(cut_off));
  }
  // Ends all watching, before the daemon stops to serve.
  void EndWatching() { feed_.End(); }

  void Announce(const Container& container) EXCLUDES(mutex_);
  void Announce(const Sandbox& sandbox) EXCLUDES(mutex_);
  // Takes it out of the table: after its last change was announced and before its removal is.
  void Withdraw(const Container& container) EXCLUDES(mutex_);
  void Withdraw(const Sandbox& sandbox) EXCLUDES(mutex_);

  // After a restart: the daemon before has announced what the records say.
  void RememberAnnounced() EXCLUDES(mutex_);

 private:
  void PublishNews(const Container& container) REQUIRES(mutex_);
  void PublishNews(const Sandbox& sandbox) REQUIRES(mutex_);
  void Publish(const Sandbox& sandbox, const std::string& id, ::runtime::v1::ContainerEventType type)
      REQUIRES(mutex_);

  PodTable& pods_;
  EventFeed feed_;
  // Holds the order of events: one at a time is made from the records and published.
  Mutex mutex_;
  std::map<std::string, LifeStage> announced_ GUARDED_BY(mutex_);
};

}  // namespace davit
