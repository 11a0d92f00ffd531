// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/visits.h"

#include <signal.h>

#include <algorithm>

namespace davit::local {

Visits::Visit::~Visit() {
  of_.Leave(*this);
}

void Visits::Visit::SetProcess(PidFd process) {
  MutexLock lock(mutex_);
  process_ = std::move(process);
  if (ended_) (void)process_.Signal(SIGKILL);
}

void Visits::Visit::End() {
  ended_ = true;
  MutexLock lock(mutex_);
  if (process_.valid()) (void)process_.Signal(SIGKILL);
}

std::unique_ptr<Visits::Visit> Visits::Begin(const std::string& id, Until until) {
  auto visit = std::make_unique<Visit>(*this, id, until);
  MutexLock lock(mutex_);
  visits_.emplace(id, visit.get());
  return visit;
}

void Visits::End(const std::string& id, bool all) {
  MutexLock lock(mutex_);
  auto [first, last] = visits_.equal_range(id);
  for (auto visit = first; visit != last; ++visit)
    if (all || visit->second->until_ == Until::kStart) visit->second->End();
}

void Visits::Leave(const Visit& visit) {
  MutexLock lock(mutex_);
  auto [first, last] = visits_.equal_range(visit.id_);
  auto found = std::find_if(first, last, [&visit](const auto& entry) { return entry.second == &visit; });
  if (found != last) visits_.erase(found);
}

}  // namespace davit::local
