// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/pull_progress.h"

namespace davit::images {

void PullProgress::Begin(const std::vector<Descriptor>& layers) {
  MutexLock lock(mutex_);
  for (const Descriptor& layer : layers) layers_.push_back({layer.digest, layer.size});
}

void PullProgress::SetState(size_t layer, LayerProgress::State state) {
  MutexLock lock(mutex_);
  layers_[layer].state = state;
}

void PullProgress::SetReceived(size_t layer, int64_t bytes) {
  MutexLock lock(mutex_);
  layers_[layer].received = bytes;
}

std::vector<LayerProgress> PullProgress::Read() const {
  MutexLock lock(mutex_);
  return layers_;
}

}  // namespace davit::images
