// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/name_table.h"

namespace davit {

Result<NameTable::Claim> NameTable::Take(const std::string& name, const std::string& fingerprint) {
  MutexLock lock(mutex_);
  auto [it, inserted] = entries_.try_emplace(name);
  Entry& entry = it->second;
  if (inserted) {
    entry.fingerprint = fingerprint;
    entry.outcome = entry.promise.get_future().share();
    return Claim{/*owner=*/true, entry.outcome};
  }
  if (entry.fingerprint == fingerprint) return Claim{/*owner=*/false, entry.outcome};
  std::string holder = entry.holder.empty() ? "a request in progress" : entry.holder;
  return Fail(Code::kAlreadyExists, "reserve name", name, "held with another configuration by " + holder);
}

void NameTable::Settle(const std::string& name, Result<std::string> outcome) {
  std::promise<Result<std::string>> promise;
  {
    MutexLock lock(mutex_);
    auto it = entries_.find(name);  // nobody but its owner ends a claim
    promise = std::move(it->second.promise);
    if (outcome) {
      it->second.holder = *outcome;
    } else {
      entries_.erase(it);
    }
  }
  promise.set_value(std::move(outcome));
}

void NameTable::Release(const std::string& name, const std::string& holder) {
  MutexLock lock(mutex_);
  auto it = entries_.find(name);
  if (it != entries_.end() && it->second.holder == holder) entries_.erase(it);
}

}  // namespace davit
