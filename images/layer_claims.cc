// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_claims.h"

#include <utility>

#include "base/time.h"

namespace davit::images {

LayerClaims::~LayerClaims() {
  MutexLock lock(mutex_);
  for (const std::string& chain_id : claimed_) {
    layers_.Abandon(chain_id);
    ledger_.Unclaim(chain_id);
  }
}

void LayerClaims::Add(const std::string& chain_id) {
  MutexLock lock(mutex_);
  claimed_.insert(chain_id);
}

bool LayerClaims::Claim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch) {
  if (!ledger_.Claim(chain_id, std::move(fetch))) return false;
  Add(chain_id);
  return true;
}

Result<bool> LayerClaims::Wait(const std::string& chain_id, const std::shared_ptr<const OngoingFetch>& fetch,
                               FetchPatience& patience, const Interrupt& interrupt) {
  auto worth_it = [&](const std::shared_ptr<const OngoingFetch>& theirs) {
    return patience.IsWorthWaiting(*fetch, theirs, MonotonicMilliseconds());
  };
  bool claimed = TRY(ledger_.WaitAndClaim(chain_id, fetch, worth_it, interrupt));
  if (claimed) Add(chain_id);
  return claimed;
}

void LayerClaims::Done(const std::string& chain_id) {
  MutexLock lock(mutex_);
  if (claimed_.erase(chain_id) > 0) ledger_.Unclaim(chain_id);
}

}  // namespace davit::images
