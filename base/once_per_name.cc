// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/once_per_name.h"

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace davit {

OncePerName::Turn::~Turn() {
  if (owner()) Settle(Fail(Code::kInternal, "claim", name_, "the operation ended without an outcome"));
}

void OncePerName::Turn::Settle(Outcome outcome) {
  std::exchange(names_, nullptr)->Settle(name_, std::move(outcome));
}

OncePerName::Outcome OncePerName::Turn::Join(int64_t deadline_ms) const {
  auto patience = std::chrono::milliseconds(std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds()));
  if (outcome_.wait_for(patience) == std::future_status::ready) return outcome_.get();
  return Fail(Code::kDeadlineExceeded, "wait for", name_, "an earlier request is still in progress");
}

Result<OncePerName::Turn> OncePerName::Take(const std::string& name, const std::string& fingerprint) {
  MutexLock lock(mutex_);
  auto [it, inserted] = entries_.try_emplace(name);
  Entry& entry = it->second;
  if (inserted) {
    entry.fingerprint = fingerprint;
    entry.outcome = entry.promise.get_future().share();
    return Turn(this, name, entry.outcome);
  }
  if (entry.fingerprint == fingerprint) return Turn(nullptr, name, entry.outcome);
  std::string holder = entry.holder.empty() ? "a request in progress" : entry.holder;
  return Fail(Code::kAlreadyExists, "reserve name", name, "held with another configuration by " + holder);
}

void OncePerName::Restore(const std::string& name, const std::string& fingerprint, const std::string& id) {
  Result<Turn> turn = Take(name, fingerprint);
  if (turn && turn->owner()) turn->Settle(id);
}

void OncePerName::Settle(const std::string& name, Outcome outcome) {
  std::promise<Outcome> promise;
  {
    MutexLock lock(mutex_);
    auto it = entries_.find(name);  // only its owner ends a claim
    promise = std::move(it->second.promise);
    if (outcome && !it->second.released.contains(*outcome)) {
      it->second.holder = *outcome;
      it->second.released.clear();
    } else {
      entries_.erase(it);
    }
  }
  promise.set_value(std::move(outcome));
}

void OncePerName::Release(const std::string& name, const std::string& id) {
  MutexLock lock(mutex_);
  auto it = entries_.find(name);
  if (it == entries_.end()) return;
  if (it->second.holder.empty()) {
    it->second.released.insert(id);
  } else if (it->second.holder == id) {
    entries_.erase(it);
  }
}

}  // namespace davit
