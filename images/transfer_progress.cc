// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/transfer_progress.h"

namespace davit::images {

void TransferProgress::Begin(const std::vector<Descriptor>& blobs) {
  MutexLock lock(mutex_);
  layers_.clear();
  for (const Descriptor& blob : blobs) layers_.push_back({.digest = blob.digest, .size = blob.size});
}

void TransferProgress::SetState(size_t blob, LayerProgress::State state) {
  MutexLock lock(mutex_);
  layers_[blob].state = state;
}

void TransferProgress::SetTransferred(size_t blob, int64_t bytes) {
  MutexLock lock(mutex_);
  layers_[blob].transferred = bytes;
}

std::vector<LayerProgress> TransferProgress::Read() const {
  MutexLock lock(mutex_);
  return layers_;
}

}  // namespace davit::images
