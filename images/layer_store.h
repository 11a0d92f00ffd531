// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where unpacked layers live. A layer is known by its chain ID (OCI image-spec config.md, "Layer ChainID").
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// A layer is staged, then committed; only a committed one can be seen by Has and Open. Calls for different
// layers may come from several threads at once, calls for one layer never do.
class LayerStore {
 public:
  virtual ~LayerStore() = default;

  virtual bool Has(const std::string& chain_id) const = 0;

  // A fresh and empty directory, on the filesystem where the layer will stay; what a crash left in its place
  // is gone. Ends with Commit or Abandon, and is not called again before.
  virtual Result<UniqueFd> Stage(const std::string& chain_id) = 0;

  // Makes the staged directory the layer, atomically.
  virtual Result<> Commit(const std::string& chain_id) = 0;

  // Drops what is staged; nothing staged is no error.
  virtual void Abandon(const std::string& chain_id) = 0;

  // The directory of a committed layer (O_PATH will do). kNotFound when there is none.
  virtual Result<UniqueFd> Open(const std::string& chain_id) const = 0;

  // An unknown layer is no error.
  virtual Result<> Remove(const std::string& chain_id) = 0;

  // Makes everything committed so far durable (syncfs(2), once per pull). After an error, layers that were
  // committed since the last success may be gone, other pulls' as well.
  virtual Result<> Sync() = 0;
};

}  // namespace davit
