// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Records which layers are in use, and which ones are being fetched or removed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"

namespace davit::images {

// Thread-safe.
class LayerLedger {
 public:
  // Holds are counted. A layer with a hold is not removed.
  void Hold(const std::vector<std::string>& chain_ids);
  // Returns the layers that have no hold any more.
  std::vector<std::string> Release(const std::vector<std::string>& chain_ids);
  bool IsHeld(const std::string& chain_id) const;
  std::set<std::string> Held() const;

  // Claims a layer for a fetch or a removal. Returns false if another caller has claimed it.
  bool Claim(const std::string& chain_id);
  void Unclaim(const std::string& chain_id);
  // Blocks until no other caller has claimed the layer, then claims it. kCancelled if `interrupt` ends the
  // wait.
  Result<> WaitAndClaim(const std::string& chain_id, const Interrupt& interrupt);

 private:
  mutable Mutex mutex_;
  CondVar unclaimed_;
  std::map<std::string, int> holds_ GUARDED_BY(mutex_);
  std::set<std::string> claims_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
