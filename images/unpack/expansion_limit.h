// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits what a layer may decompress to by the bytes that were downloaded for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "images/unpack/chunk_stream.h"
#include "images/unpack/limits.h"

namespace davit::images {

// Counts the bytes that pass.
class CountedStream : public ChunkStream {
 public:
  explicit CountedStream(ChunkStream& input) : input_(input) {}

  Result<std::string_view> Next() override {
    std::string_view piece = TRY(input_.Next());
    bytes_ += piece.size();
    return piece;
  }
  uint64_t bytes() const { return bytes_; }

 private:
  ChunkStream& input_;
  uint64_t bytes_ = 0;
};

// Passes on the stream `plain`, which is decompressed from `compressed` in the same thread.
// kResourceExhausted if it is longer than the limits allow for the compressed bytes that were read so far.
class ExpansionLimit : public ChunkStream {
 public:
  ExpansionLimit(ChunkStream& plain, const CountedStream& compressed, const UnpackLimits& limits)
      : plain_(plain), compressed_(compressed), limits_(limits) {}

  Result<std::string_view> Next() override {
    std::string_view piece = TRY(plain_.Next());
    bytes_ += piece.size();
    if (bytes_ > limits_.expanded_bytes + compressed_.bytes() * limits_.expansion) {
      return Fail(Code::kResourceExhausted, "decompress", "layer",
                  "it is more than " + std::to_string(limits_.expansion) + " times as long as its blob");
    }
    return piece;
  }

 private:
  ChunkStream& plain_;
  const CountedStream& compressed_;
  const UnpackLimits& limits_;
  uint64_t bytes_ = 0;
};

}  // namespace davit::images
