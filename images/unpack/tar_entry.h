// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One member of a tar archive, with all extensions already applied.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace davit::images {

enum class TarType : uint8_t { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

// A range of a sparse file for which the archive has data.
struct SparseSegment {
  uint64_t offset = 0;
  uint64_t length = 0;

  bool operator==(const SparseSegment&) const = default;
};

struct TarEntry {
  TarType type = TarType::kFile;
  std::string name;  // as written, not empty
  std::string link;  // target of a hard or symbolic link
  mode_t mode = 0;   // permission bits only
  uid_t uid = 0;
  gid_t gid = 0;
  timespec mtime{};
  std::optional<timespec> atime;
  unsigned device_major = 0;
  unsigned device_minor = 0;
  uint64_t size = 0;  // of the unpacked file
  // Set for a sparse file. In order, not overlapping, within `size`; the archive has their data without gaps.
  std::optional<std::vector<SparseSegment>> segments;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

}  // namespace davit::images
