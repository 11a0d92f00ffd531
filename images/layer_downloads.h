// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Downloads several layers of one image in parallel.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_resolve.h"
#include "images/interrupt.h"
#include "images/layer_claims.h"
#include "images/layer_fetch.h"
#include "images/layer_store.h"
#include "images/ongoing_fetch.h"

namespace davit::images {

// The inputs of a fetch. The referenced objects must outlive the LayerSource.
struct LayerSource {
  BlobSource& source;
  const std::string& origin;  // OngoingFetch::origin
  const int64_t patience_ms;  // with other pulls (FetchPatience)
  LayerTarget& layers;
  BlobStore& blobs;
  const Retention& retention;
  const std::string& unpack_program;
  const ResolvedImage& image;
  Interrupt& interrupt;
  TransferProgress& progress;

  const std::string& chain_id(size_t index) const { return image.record.chain_ids[index]; }
  std::shared_ptr<OngoingFetch> Describe(size_t index) const;
  // `fetch` is its description, which others see.
  Result<StagedLayer> Fetch(size_t index, const std::string& staging,
                            std::shared_ptr<OngoingFetch> fetch) const;
};

struct Download {
  enum class State : uint8_t {
    kStaged,     // `layer` is set
    kExists,     // the store has the layer
    kElsewhere,  // another pull had claimed the layer
  };
  State state = State::kElsewhere;
  std::optional<StagedLayer> layer;
};

// Fetches some of an image's layers on at most `threads` threads, in the order of `indices`. Each is claimed
// when its turn has come, and stays claimed until it is committed, unless it is elsewhere. The destructor
// stops and joins the threads. Layers that were fetched but not awaited stay staged.
class LayerDownloads {
 public:
  // Both references must outlive the object.
  LayerDownloads(const LayerSource& source, LayerClaims& claims, std::vector<size_t> indices, size_t threads);
  ~LayerDownloads();

  // Waits for one of the layers; call it once for each. The first failure of any layer stops all downloads,
  // and every call returns it.
  Result<Download> Await(size_t index);
  // That failure: what else fails then may do so only because the downloads were stopped.
  std::optional<Error> failure() EXCLUDES(mutex_);

 private:
  void Work();
  Result<Download> Get(size_t index);
  std::optional<size_t> Next();

  const LayerSource& source_;
  LayerClaims& claims_;
  const std::vector<size_t> indices_;

  Mutex mutex_;
  CondVar changed_;
  size_t started_ GUARDED_BY(mutex_) = 0;               // how many of indices_ a thread has taken
  size_t awaited_ GUARDED_BY(mutex_) = 0;               // how many Await has returned
  std::map<size_t, Download> done_ GUARDED_BY(mutex_);  // and not awaited
  std::optional<Error> failure_ GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;
};

}  // namespace davit::images
