// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the volumes of local containers (local/) are written and read.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cri {

struct VolumeRow {
  std::string name;
  std::string blob;  // opaque here

  bool operator==(const VolumeRow&) const = default;
};

// Thread-safe.
class VolumeStore {
 public:
  virtual ~VolumeStore() = default;

  // Replaces the row with the same name. The row is on disk when this returns.
  virtual Result<> PutVolumeDurably(const VolumeRow& row) = 0;
  // Deleting a row that does not exist succeeds. A power failure may bring the row back.
  virtual Result<> DeleteVolume(const std::string& name) = 0;
  virtual Result<std::vector<VolumeRow>> VolumeRows() const = 0;
};

}  // namespace davit::cri
