// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The layers that one pull has claimed in the ledger.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"
#include "images/layer_ledger.h"
#include "images/layer_store.h"
#include "images/ongoing_fetch.h"

namespace davit::images {

// What is still claimed when it goes was not committed, and is abandoned. Thread-safe.
class LayerClaims {
 public:
  // Both must outlive the object.
  LayerClaims(LayerTarget& layers, LayerLedger& ledger) : layers_(layers), ledger_(ledger) {}
  ~LayerClaims();
  LayerClaims(const LayerClaims&) = delete;
  LayerClaims& operator=(const LayerClaims&) = delete;

  // Returns false if somebody else has claimed the layer. `fetch` is null if it is not going to be fetched.
  bool Claim(const std::string& chain_id, std::shared_ptr<const OngoingFetch> fetch) EXCLUDES(mutex_);
  // Waits until it is claimed. Returns false, without the claim, if waiting is not worth it. kCancelled.
  Result<bool> Wait(const std::string& chain_id, const std::shared_ptr<const OngoingFetch>& fetch,
                    FetchPatience& patience, const Interrupt& interrupt) EXCLUDES(mutex_);
  // The layer is in the store, or is not fetched here. No-op if it is not claimed.
  void Done(const std::string& chain_id) EXCLUDES(mutex_);

 private:
  void Add(const std::string& chain_id) EXCLUDES(mutex_);

  LayerTarget& layers_;
  LayerLedger& ledger_;
  Mutex mutex_;
  std::set<std::string> claimed_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
