// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Who needs a layer, and who is working on one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"

namespace davit {

// Thread-safe.
class LayerLedger {
 public:
  // Counted; a layer with a hold is not removed.
  void Hold(const std::vector<std::string>& chain_ids);
  // Returns the layers that nobody holds any more.
  std::vector<std::string> Release(const std::vector<std::string>& chain_ids);
  bool IsHeld(const std::string& chain_id) const;
  std::set<std::string> Held() const;

  // One party at a time fetches or removes a layer: false when another one does.
  bool Claim(const std::string& chain_id);
  void Unclaim(const std::string& chain_id);
  // Claims the layer as soon as the other party is done with it.
  Result<> WaitAndClaim(const std::string& chain_id, const Interrupt& interrupt);

 private:
  mutable Mutex mutex_;
  CondVar unclaimed_;
  std::map<std::string, int> holds_ GUARDED_BY(mutex_);
  std::set<std::string> claims_ GUARDED_BY(mutex_);
};

}  // namespace davit
