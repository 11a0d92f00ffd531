// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The rows of sandboxes and containers, as the daemon's verbs use them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit {

// Blobs are opaque here: the daemon serialises its own structs.
struct SandboxRow {
  std::string id;
  std::string blob;

  bool operator==(const SandboxRow&) const = default;
};

struct ContainerRow {
  std::string id;
  std::string sandbox_id;
  std::string blob;

  bool operator==(const ContainerRow&) const = default;
};

// Thread-safe. Every Put replaces the row with the same id; every Delete of what does not exist is a success.
class PodStore {
 public:
  virtual ~PodStore() = default;

  virtual Result<> PutSandbox(const SandboxRow& row) = 0;
  // Its containers go with it, in one transaction.
  virtual Result<> DeleteSandbox(const std::string& id) = 0;
  virtual Result<std::vector<SandboxRow>> Sandboxes() const = 0;

  // kFailedPrecondition when its sandbox has no row.
  virtual Result<> PutContainer(const ContainerRow& row) = 0;
  virtual Result<> DeleteContainer(const std::string& id) = 0;
  virtual Result<std::vector<ContainerRow>> Containers() const = 0;
};

}  // namespace davit
