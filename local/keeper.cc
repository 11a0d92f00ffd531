// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/keeper.h"

#include <utility>

#include "base/guarded.h"
#include "base/time.h"

namespace davit::local {
namespace {

// Each removes the pod of a container that has ended, or starts one.
constexpr size_t kMostThreads = 16;

}  // namespace

Keeper::Keeper(Ports ports)
    : ports_(std::move(ports)), pool_(kMostThreads), alarm_(ports_.timers, [this](const std::string& id) {
        RunGuarded("alarm", [&] { pool_.Post([this, id] { ports_.restart(id); }); });
      }) {}

Keeper::~Keeper() {
  MutexLock lock(mutex_);
  ending_ = true;
  watcher_.reset();  // no news from here on
}

void Keeper::Begin() {
  Watch();
}

// A reference to a replaced watcher may still be held by a thread that reads its last news.
void Keeper::Watch() {
  WatcherPtr watcher = ports_.announcer.Watch([this] { OnNews(); }, /*cut_off=*/[] {}, cri::Owner::kLocal);
  {
    MutexLock lock(mutex_);
    if (ending_) return;
    std::swap(watcher_, watcher);
  }
  ReadNews();  // OnNews follows a Next that has found nothing
}

Keeper::WatcherPtr Keeper::watcher() {
  MutexLock lock(mutex_);
  return watcher_;
}

// Under the feed's lock.
void Keeper::OnNews() {
  RunGuarded("news of local containers", [this] { pool_.Post([this] { ReadNews(); }); });
}

void Keeper::ReadNews() {
  WatcherPtr watcher = this->watcher();
  while (watcher != nullptr) {
    Result<cri::EventFeed::Event> next = watcher->Next();
    if (!next && next.error().code == Code::kResourceExhausted) {
      pool_.Post([this] {
        Watch();
        ports_.missed();
      });
      return;
    }
    if (!next || *next == nullptr) return;  // the daemon is stopping, or no more
    const ::runtime::v1::ContainerEventResponse& event = **next;
    if (event.container_event_type() != ::runtime::v1::CONTAINER_STOPPED_EVENT) continue;
    std::string id = event.pod_sandbox_status().metadata().uid();
    pool_.Post([this, id] { ports_.ended(id); });
  }
}

Result<> Keeper::RestartAfter(const std::string& id, std::chrono::milliseconds pause) {
  return alarm_.Set(id, MonotonicMilliseconds() + pause.count());
}

}  // namespace davit::local
