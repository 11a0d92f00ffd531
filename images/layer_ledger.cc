// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_ledger.h"

#include <chrono>
#include <utility>

namespace davit::images {

void LayerLedger::Hold(const std::vector<std::string>& chain_ids) {
  MutexLock lock(mutex_);
  for (const std::string& chain_id : chain_ids) ++holds_[chain_id];
}

std::vector<std::string> LayerLedger::Release(const std::vector<std::string>& chain_ids) {
  std::vector<std::string> free;
  MutexLock lock(mutex_);
  for (const std::string& chain_id : chain_ids) {
    auto hold = holds_.find(chain_id);
    if (hold == holds_.end() || --hold->second > 0) continue;
    holds_.erase(hold);
    free.push_back(chain_id);
  }
  return free;
}

int LayerLedger::HoldsOn(const std::string& chain_id) const {
  MutexLock lock(mutex_);
  auto found = holds_.find(chain_id);
  return found == holds_.end() ? 0 : found->second;
}

std::set<std::string> LayerLedger::Held() const {
  std::set<std::string> held;
  MutexLock lock(mutex_);
  for (const auto& [chain_id, count] : holds_) held.insert(chain_id);
  return held;
}

bool LayerLedger::Claim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch) {
  MutexLock lock(mutex_);
  return claims_.emplace(chain_id, std::move(fetch)).second;
}

void LayerLedger::Unclaim(const std::string& chain_id) {
  MutexLock lock(mutex_);
  claims_.erase(chain_id);
  unclaimed_.NotifyAll();
}

Result<> LayerLedger::WaitAndClaim(const std::string& chain_id, const Interrupt& interrupt) {
  TRY(WaitAndClaim(chain_id, nullptr, [](const auto&) { return true; }, interrupt));
  return {};
}

Result<bool> LayerLedger::WaitAndClaim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch,
                                       const Judge& worth_it, const Interrupt& interrupt) {
  while (true) {
    TRY(interrupt.Check());  // not under the lock: it asks the callers of the pull
    std::shared_ptr<const OngoingFetch> theirs;
    {
      MutexLock lock(mutex_);
      auto [claim, ours] = claims_.emplace(chain_id, fetch);
      if (ours) return true;
      theirs = claim->second;
    }
    if (!worth_it(theirs)) return false;
    MutexLock lock(mutex_);
    if (!claims_.contains(chain_id)) continue;
    unclaimed_.WaitUntil(
        mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(Interrupt::kAskEveryMs));
  }
}

}  // namespace davit::images
