// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// PAX extended headers (pax(1p), "pax Extended Header"), with the extensions of GNU tar and star.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "images/unpack/limits.h"
#include "images/unpack/tar_entry.h"

namespace davit::images {

// The values that one extended header gives for the entry after it.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_path;
  std::optional<int64_t> size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<timespec> mtime;
  std::optional<timespec> atime;
  std::vector<std::pair<std::string, std::string>> xattrs;  // SCHILY.xattr.*

  // GNU sparse files. Formats 0.0 and 0.1 have the map here, format 1.0 has it in front of the data.
  std::optional<std::string> sparse_name;
  std::optional<int64_t> sparse_real_size;
  std::optional<std::vector<SparseSegment>> sparse_map;
  bool sparse_map_in_data = false;

  bool IsSparse() const { return sparse_map_in_data || sparse_map.has_value(); }
};

// kInvalidArgument for malformed records, kResourceExhausted beyond the limits. Unknown keys are ignored, as
// the standard requires; an empty value cancels an earlier value of the same key.
Result<PaxRecords> ParsePax(std::string_view data, const UnpackLimits& limits);

// Parses a decimal number without a sign; kInvalidArgument if there is any other character.
Result<uint64_t> ParseDecimal(std::string_view text);

}  // namespace davit::images
