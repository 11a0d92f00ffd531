// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The store of unpacked layers. A layer is identified by its chain ID (OCI image-spec config.md, "Layer
// ChainID").
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::images {

struct StoredLayer {
  std::string chain_id;
  int64_t committed_ns = 0;  // UnixNanoseconds
};

// A layer is first staged, then committed; Has and Open see committed layers only. Calls for different layers
// may run on several threads at once; calls for the same layer never overlap.
class LayerStore {
 public:
  virtual ~LayerStore() = default;

  virtual bool Has(const std::string& chain_id) const = 0;

  // Returns a new, empty directory on the filesystem where the layer will stay; leftovers of a crash are
  // removed first. The caller ends the staging with Commit or Abandon before it stages the same layer again.
  virtual Result<UniqueFd> Stage(const std::string& chain_id) = 0;

  // Turns the staged directory into the layer, atomically.
  virtual Result<> Commit(const std::string& chain_id) = 0;

  // Discards the staged directory. No-op if the layer is not staged.
  virtual void Abandon(const std::string& chain_id) = 0;

  // The directory of a committed layer; the descriptor may be O_PATH. kNotFound if the layer does not exist.
  virtual Result<UniqueFd> Open(const std::string& chain_id) const = 0;

  // All committed layers, in no particular order.
  virtual Result<std::vector<StoredLayer>> List() const = 0;

  // For the start: takes over layers that an earlier process committed and that no image has. The next Sync
  // makes them durable like those that this process commits. Returns false if they may be damaged, because
  // the host has booted since, and must not be used.
  virtual bool Adopt(const std::set<std::string>& chain_ids) = 0;

  // Idempotent: an unknown layer is not an error.
  virtual Result<> Remove(const std::string& chain_id) = 0;

  // Makes all layers committed so far durable (syncfs(2), once per pull). After an error, layers committed
  // since the last successful Sync may be lost, including those of other pulls.
  virtual Result<> Sync() = 0;
};

}  // namespace davit::images
