// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_downloads.h"

#include <algorithm>
#include <system_error>

#include "base/guarded.h"

namespace davit::images {

std::shared_ptr<OngoingFetch> LayerSource::Describe(size_t index) const {
  auto fetch = std::make_shared<OngoingFetch>();
  if (image.layers[index].urls.empty()) fetch->origin = origin;
  fetch->digest = image.layers[index].digest;
  fetch->size = image.layers[index].size;
  return fetch;
}

Result<StagedLayer> LayerSource::Fetch(size_t index, const std::string& staging,
                                       std::shared_ptr<OngoingFetch> fetch) const {
  const Descriptor& descriptor = image.layers[index];
  return FetchLayer(source, layers, LayerBlob(blobs, descriptor, retention), unpack_program, staging,
                    descriptor, image.diff_ids[index], interrupt,
                    LayerMeter(progress, index, std::move(fetch)));
}

LayerDownloads::LayerDownloads(const LayerSource& source, LayerClaims& claims, std::vector<size_t> indices,
                               size_t threads)
    : source_(source), claims_(claims), indices_(std::move(indices)) {
  size_t wanted = std::min(threads, indices_.size());
  threads_.reserve(wanted);
  for (size_t i = 0; i < wanted; ++i) {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {  // the kernel starts no more
      if (threads_.empty()) throw;
      break;
    }
  }
}

LayerDownloads::~LayerDownloads() {
  bool unfinished;
  {
    MutexLock lock(mutex_);
    unfinished = failure_ || awaited_ < indices_.size();
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

std::optional<Error> LayerDownloads::failure() {
  MutexLock lock(mutex_);
  return failure_;
}

Result<Download> LayerDownloads::Get(size_t index) {
  const std::string& chain_id = source_.chain_id(index);
  std::shared_ptr<OngoingFetch> fetch = source_.Describe(index);
  if (!claims_.Claim(chain_id, fetch)) return Download{Download::State::kElsewhere, std::nullopt};
  if (source_.layers.Has(chain_id)) return Download{Download::State::kExists, std::nullopt};
  return Download{Download::State::kStaged, TRY(source_.Fetch(index, chain_id, std::move(fetch)))};
}

void LayerDownloads::Work() {
  while (std::optional<size_t> index = Next()) {
    auto done = Guarded("fetch", "layer", [&] { return Get(*index); });
    MutexLock lock(mutex_);
    if (done) {
      done_.emplace(*index, std::move(*done));
    } else if (!failure_) {  // later ones fail only because this one stops them
      failure_ = std::move(done).error();
      source_.interrupt.Stop();
    }
    changed_.NotifyAll();
  }
}

Result<Download> LayerDownloads::Await(size_t index) {
  MutexLock lock(mutex_);
  auto done = done_.find(index);
  while (done == done_.end() && !failure_) {
    changed_.Wait(mutex_);
    done = done_.find(index);
  }
  if (failure_) return std::unexpected(*failure_);
  Download download = std::move(done->second);
  done_.erase(done);
  ++awaited_;
  return download;
}

}  // namespace davit::images
