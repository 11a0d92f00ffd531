// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Several layers of one image at once.
#pragma once

#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_resolve.h"
#include "images/interrupt.h"
#include "images/layer_fetch.h"
#include "images/layer_store.h"

namespace davit {

// What fetching takes; all of it outlives whoever has it.
struct LayerSource {
  RegistryClient& registry;
  LayerStore& layers;
  const std::string& unpack_program;
  const ResolvedImage& image;
  Interrupt& interrupt;

  Result<StagedLayer> Fetch(size_t index) const;
};

// Fetches some of an image's layers with a number of threads, lowest first. Going stops and joins them;
// layers that were fetched and not awaited are left staged.
class LayerDownloads {
 public:
  LayerDownloads(const LayerSource& source, std::vector<size_t> indices, size_t threads);
  ~LayerDownloads();

  // Waits for one of the layers. The first failure of any layer ends them all and is what every wait returns.
  Result<StagedLayer> Await(size_t index);

 private:
  void Work();
  std::optional<size_t> Next();

  const LayerSource& source_;
  const std::vector<size_t> indices_;

  Mutex mutex_;
  CondVar changed_;
  size_t started_ GUARDED_BY(mutex_) = 0;  // how many of indices_ are taken
  std::map<size_t, StagedLayer> staged_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;
};

}  // namespace davit
