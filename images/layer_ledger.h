// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Records which layers are in use, and which ones are being fetched or removed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"
#include "images/ongoing_fetch.h"

namespace davit::images {

// Thread-safe.
class LayerLedger {
 public:
  // Holds are counted. A layer with a hold is not removed.
  void Hold(const std::vector<std::string>& chain_ids);
  // Returns the layers that have no hold any more.
  std::vector<std::string> Release(const std::vector<std::string>& chain_ids);
  bool IsHeld(const std::string& chain_id) const { return HoldsOn(chain_id) > 0; }
  int HoldsOn(const std::string& chain_id) const;
  std::set<std::string> Held() const;

  // Claims a layer for a fetch or, if `fetch` is null, for something short such as a removal. Returns false
  // if another caller has claimed it.
  bool Claim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch = nullptr);
  void Unclaim(const std::string& chain_id);
  // Blocks until no other caller has claimed the layer, then claims it. kCancelled if `interrupt` ends the
  // wait.
  Result<> WaitAndClaim(const std::string& chain_id, const Interrupt& interrupt);
  // The same for a fetch. `worth_it` is called several times a second with what the other caller has claimed
  // the layer for; returns false, without a claim, once it does.
  using Judge = std::function<bool(const std::shared_ptr<const OngoingFetch>& theirs)>;
  Result<bool> WaitAndClaim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch,
                            const Judge& worth_it, const Interrupt& interrupt);

 private:
  mutable Mutex mutex_;
  CondVar unclaimed_;
  std::map<std::string, int> holds_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const OngoingFetch>> claims_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
