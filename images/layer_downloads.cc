// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_downloads.h"

#include <algorithm>

#include "base/guarded.h"

namespace davit::images {

Result<StagedLayer> LayerSource::Fetch(size_t index) const {
  const Descriptor& descriptor = image.layers[index];
  return FetchLayer(source, layers, LayerBlob(blobs, descriptor, retention), unpack_program,
                    image.record.chain_ids[index], descriptor, image.diff_ids[index], interrupt,
                    LayerMeter(progress, index));
}

LayerDownloads::LayerDownloads(const LayerSource& source, std::vector<size_t> indices, size_t threads)
    : source_(source), indices_(std::move(indices)) {
  for (size_t i = 0; i < std::min(threads, indices_.size()); ++i) threads_.emplace_back([this] { Work(); });
}

LayerDownloads::~LayerDownloads() {
  bool unfinished;
  {
    MutexLock lock(mutex_);
    unfinished = failure_ || started_ < indices_.size() || !staged_.empty();
    started_ = indices_.size();
  }
  if (unfinished) source_.interrupt.Stop();
  for (std::thread& thread : threads_) thread.join();
}

std::optional<size_t> LayerDownloads::Next() {
  MutexLock lock(mutex_);
  if (failure_ || started_ == indices_.size()) return std::nullopt;
  return indices_[started_++];
}

void LayerDownloads::Work() {
  while (std::optional<size_t> index = Next()) {
    auto staged = Guarded("fetch", "layer", [&] { return source_.Fetch(*index); });
    MutexLock lock(mutex_);
    if (staged) {
      staged_.emplace(*index, std::move(*staged));
    } else if (!failure_) {  // later ones fail only because this one stops them
      failure_ = std::move(staged).error();
      source_.interrupt.Stop();
    }
    changed_.NotifyAll();
  }
}

Result<StagedLayer> LayerDownloads::Await(size_t index) {
  MutexLock lock(mutex_);
  auto staged = staged_.find(index);
  while (staged == staged_.end() && !failure_) {
    changed_.Wait(mutex_);
    staged = staged_.find(index);
  }
  if (failure_) return std::unexpected(*failure_);
  StagedLayer layer = std::move(staged->second);
  staged_.erase(staged);
  return layer;
}

}  // namespace davit::images
