// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A stream that is read piece by piece. The stages of the unpacker are a chain of such streams.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"

namespace davit::images {

class ChunkStream {
 public:
  virtual ~ChunkStream() = default;

  // The next piece, valid until the next call. Empty at the end of the stream, also in later calls. After an
  // error the stream cannot be used any more.
  virtual Result<std::string_view> Next() = 0;
};

// Reads a pipe or file to its end. The caller keeps the ownership of `fd`.
std::unique_ptr<ChunkStream> ReadChunks(int fd);

// A string in pieces of `chunk` bytes. For tests and fuzzers.
std::unique_ptr<ChunkStream> ChunksOf(std::string_view data, size_t chunk);

}  // namespace davit::images
