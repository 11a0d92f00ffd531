// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/keeper.h"

#include "base/guarded.h"

namespace davit::local {
namespace {

// An end that hangs holds its thread for 30 s, a start for two minutes.
constexpr size_t kMostEnds = 32;
constexpr size_t kMostStarts = 16;
constexpr size_t kMostRetries = 4;
constexpr size_t kMostLogs = 2;
// A probe holds its thread for 100 ms, and for a second if its shim hangs.
constexpr size_t kMostProbes = 16;
// The pause before what could not begin is tried again.
constexpr int64_t kAgainMs = 1'000;

}  // namespace

Keeper::Keeper(Ports ports)
    : ports_(std::move(ports)),
      alarm_(ports_.timers, [this] { OnAlarm(); }),
      pools_{std::make_unique<ElasticPool>(kMostEnds), std::make_unique<ElasticPool>(kMostStarts),
             std::make_unique<ElasticPool>(kMostRetries), std::make_unique<ElasticPool>(kMostLogs),
             std::make_unique<ElasticPool>(kMostProbes)} {}

// The pools end next: work that has begun may ask for looks, of which no alarm tells any more.
Keeper::~Keeper() {
  alarm_.End();
  watcher_.reset();
}

// The function runs under the feed's lock, and cannot fail.
void Keeper::Watch() {
  watcher_ = ports_.announcer.Watch(
      [this] {
        news_ = true;
        alarm_.RingIn(0);
      },
      /*cut_off=*/[] {}, cri::Owner::kLocal);
  news_ = true;  // the function follows a Next that has found nothing
  alarm_.RingIn(0);
}

void Keeper::LookAt(Lane lane, const std::string& id, int64_t at_ms) {
  MutexLock lock(mutex_);
  Put({lane, id}, at_ms);
  Arm();
}

void Keeper::Put(const Key& key, int64_t at_ms) {
  auto [entry, added] = times_.try_emplace(key, at_ms);
  if (!added) {
    if (entry->second <= at_ms) return;
    in_order_.erase({entry->second, key});
    entry->second = at_ms;
  }
  in_order_.emplace(at_ms, key);
}

void Keeper::Arm() {
  if (!in_order_.empty()) alarm_.RingIn(in_order_.begin()->first - ports_.clock.MonotonicMilliseconds());
}

void Keeper::OnAlarm() {
  if (news_.exchange(false)) RunGuarded("news of local containers", [this] { ReadNews(); });
  PostDue();
}

void Keeper::ReadNews() {
  int64_t now_ms = ports_.clock.MonotonicMilliseconds();
  while (true) {
    Result<cri::EventFeed::Event> next = watcher_->Next();
    if (!next && next.error().code == Code::kResourceExhausted) {
      Watch();
      for (const std::string& id : ports_.all()) LookAt(Lane::kEnds, id, now_ms);
      return;
    }
    if (!next || *next == nullptr) return;  // the daemon is stopping, or no more
    const ::runtime::v1::ContainerEventResponse& event = **next;
    if (event.container_event_type() == ::runtime::v1::CONTAINER_STOPPED_EVENT)
      LookAt(Lane::kEnds, event.pod_sandbox_status().metadata().uid(), now_ms);
  }
}

void Keeper::Post(Lane lane, std::function<void()> work) {
  if (ports_.post != nullptr) return ports_.post(lane, std::move(work));
  pools_[static_cast<size_t>(lane)]->Post(std::move(work));
}

// A look that is posted and has not begun yet will see everything that has happened until then.
std::vector<Keeper::Key> Keeper::TakeDue(int64_t now_ms) {
  std::vector<Key> due;
  MutexLock lock(mutex_);
  while (!in_order_.empty() && in_order_.begin()->first <= now_ms) {
    Key key = in_order_.begin()->second;
    in_order_.erase(in_order_.begin());
    times_.erase(key);
    if (posted_.insert(key).second) due.push_back(std::move(key));
  }
  Arm();
  return due;
}

void Keeper::PostDue() {
  int64_t now_ms = ports_.clock.MonotonicMilliseconds();
  for (const Key& key : TakeDue(now_ms)) {
    Result<> posted = Guarded("post", "look", [&]() -> Result<> {
      Post(key.first, [this, key] { Look(key); });
      return {};
    });
    if (posted) continue;
    LogException(posted.error());
    MutexLock lock(mutex_);
    posted_.erase(key);
    Put(key, now_ms + kAgainMs);
    Arm();
  }
}

void Keeper::Look(const Key& key) {
  {
    MutexLock lock(mutex_);
    posted_.erase(key);
  }
  Result<> looked = Guarded("look after", key.second, [&]() -> Result<> {
    ports_.look(key.first, key.second);
    return {};
  });
  if (looked) return;
  LogException(looked.error());
  LookAt(key.first, key.second, ports_.clock.MonotonicMilliseconds() + kAgainMs);
}

}  // namespace davit::local
