// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A stream that is handed on piece by piece: the stages of the unpacker are put together from these.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"

namespace davit {

class ChunkStream {
 public:
  virtual ~ChunkStream() = default;

  // The next piece, valid until the next call; empty at the end, and from then on. After an error the stream
  // is spent.
  virtual Result<std::string_view> Next() = 0;
};

// Reads a pipe or file to its end; `fd` stays the caller's.
std::unique_ptr<ChunkStream> ReadChunks(int fd);

// A string in pieces of `chunk` bytes. For tests and fuzzers.
std::unique_ptr<ChunkStream> ChunksOf(std::string_view data, size_t chunk);

}  // namespace davit
