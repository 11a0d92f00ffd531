// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checksums that find damage by hardware or a power cut. They do not find changes that somebody has made to
// hide them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/codec.h"

namespace davit {

// CRC-64 of ECMA-182, reflected, as xz(1) uses it. That of no data is 0.
class Checksum {
 public:
  void Update(std::string_view data);
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

// The checksum of a regular file's content.
struct FileChecksum {
  uint64_t inode = 0;
  uint64_t value = 0;

  auto Fields() { return FieldList(Field<1>(inode), Field<2>(value)); }
  bool operator==(const FileChecksum&) const = default;
};

}  // namespace davit
