// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The 512-byte header block: V7, POSIX ustar, GNU and STAR (tar(5) of libarchive, GNU tar manual "Basic Tar
// Format").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/unpack/tar_entry.h"

namespace davit::images {

constexpr size_t kTarBlock = 512;

struct TarHeader {
  char type_flag = '0';
  std::string name;
  std::string link;
  int64_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;  // of the data that follows
  int64_t mtime = 0;
  int64_t device_major = 0;
  int64_t device_minor = 0;

  // Of GNU's old sparse format (type 'S').
  std::vector<SparseSegment> segments;
  int64_t real_size = 0;
  bool more_segments = false;
};

// True for a block of zeros.
bool IsZeroBlock(std::string_view block);

// kInvalidArgument for a wrong checksum or a malformed number. `block` has kTarBlock bytes.
Result<TarHeader> ParseTarHeader(std::string_view block);

// Parses a further block of an old GNU sparse map. Returns true if another block follows.
Result<bool> ParseSparseExtension(std::string_view block, std::vector<SparseSegment>& segments);

// An octal or base-256 field.
Result<int64_t> ParseTarNumber(std::string_view field);

}  // namespace davit::images
