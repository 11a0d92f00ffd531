// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the repair of an image needs beside a pull.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_health.h"
#include "images/image_resolve.h"
#include "images/layer_store.h"

namespace davit::images {

// The image as its record describes it, whatever platform it is for. kDataLoss if a document is not the
// recorded one.
Result<ResolvedImage> ResolvedFrom(ImageRecord record);

// The layers that exist, but must be fetched again.
std::set<std::string> DamagedLayersOf(const ImageHealth& health);

// The store, except that some layers do not exist yet: what is staged and committed for them takes the place
// of damaged ones. Thread-safe.
class ReplacingLayers : public LayerTarget {
 public:
  // `store` must outlive the object.
  ReplacingLayers(LayerStore& store, std::set<std::string> replaced)
      : store_(store), replaced_(std::move(replaced)) {}

  bool Has(const std::string& chain_id) const override EXCLUDES(mutex_);
  Result<UniqueFd> Stage(const std::string& staging) override EXCLUDES(mutex_);
  Result<> Commit(const std::string& staging, const std::string& chain_id,
                  std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) override
      EXCLUDES(mutex_);
  void Abandon(const std::string& staging) override { store_.Abandon(staging); }
  Result<UniqueFd> Open(const std::string& chain_id) const override { return store_.Open(chain_id); }

 private:
  bool IsToReplace(const std::string& chain_id) const EXCLUDES(mutex_);

  LayerStore& store_;
  mutable Mutex mutex_;
  std::set<std::string> replaced_ GUARDED_BY(mutex_);  // those that are not committed yet
};

}  // namespace davit::images
