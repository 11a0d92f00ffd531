// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much one layer may use: well above what real images need. What the node can spare is for SpaceReserve
// to say.
#pragma once

#include <cstddef>
#include <cstdint>

#include "images/layer_notes.h"

namespace davit::images {

struct UnpackLimits {
  uint64_t stream_bytes = 256ULL << 30;  // uncompressed
  // Bytes of the uncompressed stream for each compressed one, which is what Deflate can reach (RFC 1951: 258
  // bytes in two bits), and in addition to them; zstd could make terabytes of a megabyte.
  uint64_t expansion = 1032;
  uint64_t expanded_bytes = 64ULL << 20;
  uint64_t file_bytes = 4ULL << 40;  // apparent size of one file; sparse ones occupy less
  uint64_t entries = 4 << 20;
  size_t header_bytes = 1 << 20;  // PAX records and long names in front of one entry
  size_t xattrs_per_entry = 256;
  size_t xattr_bytes = 64 << 10;  // one value: the kernel's own limit (XATTR_SIZE_MAX)
  size_t sparse_segments = 256 << 10;
  size_t path_depth = 512;
  size_t path_bytes = 4095;  // PATH_MAX without the NUL
  size_t note_bytes = kMostNoteBytes;
  size_t dir_bytes = 256 << 20;  // of the paths of directories: each is kept until its times are set
};

}  // namespace davit::images
