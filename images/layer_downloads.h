// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Downloads several layers of one image in parallel.
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

namespace davit::images {

// The inputs of a fetch. The referenced objects must outlive the LayerSource.
struct LayerSource {
  BlobSource& source;
  LayerStore& layers;
  BlobStore& blobs;
  const Retention& retention;
  const std::string& unpack_program;
  const ResolvedImage& image;
  Interrupt& interrupt;
  PullProgress& progress;

  Result<StagedLayer> Fetch(size_t index) const;
};

// Fetches some of an image's layers on at most `threads` threads, in the order of `indices`. The destructor
// stops and joins the threads. Layers that were fetched but not awaited stay staged.
class LayerDownloads {
 public:
  LayerDownloads(const LayerSource& source, std::vector<size_t> indices, size_t threads);
  ~LayerDownloads();

  // Waits for one of the layers. The first failure of any layer stops all downloads, and every call returns
  // it.
  Result<StagedLayer> Await(size_t index);

 private:
  void Work();
  std::optional<size_t> Next();

  const LayerSource& source_;
  const std::vector<size_t> indices_;

  Mutex mutex_;
  CondVar changed_;
  size_t started_ GUARDED_BY(mutex_) = 0;  // how many of indices_ a thread has taken
  std::map<size_t, StagedLayer> staged_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;
};

}  // namespace davit::images
