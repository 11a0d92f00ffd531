// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Header blocks of SPDY/3.1: names and values, compressed with zlib in one stream per direction.
#pragma once

#include <zlib.h>

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::streaming {

// Names in lower case.
using SpdyHeaders = std::map<std::string, std::string, std::less<>>;

// Limits of an uncompressed block; larger blocks are refused.
constexpr size_t kMaxSpdyHeaderBytes = 16 << 10;
constexpr size_t kMaxSpdyHeaders = 64;

// Reads the blocks of one connection, in their order. After an error the connection must be closed, because
// the state of the compression is lost.
class SpdyHeaderReader {
 public:
  SpdyHeaderReader();
  ~SpdyHeaderReader();
  SpdyHeaderReader(const SpdyHeaderReader&) = delete;
  SpdyHeaderReader& operator=(const SpdyHeaderReader&) = delete;

  // kInvalidArgument if the block is malformed, kResourceExhausted if it is too large.
  Result<SpdyHeaders> Read(std::string_view block);

 private:
  Result<std::string> Inflate(std::string_view block);

  z_stream zlib_{};
};

// Writes the blocks of one connection.
class SpdyHeaderWriter {
 public:
  SpdyHeaderWriter();
  ~SpdyHeaderWriter();
  SpdyHeaderWriter(const SpdyHeaderWriter&) = delete;
  SpdyHeaderWriter& operator=(const SpdyHeaderWriter&) = delete;

  std::string Write(const SpdyHeaders& headers);

 private:
  z_stream zlib_{};
};

}  // namespace davit::streaming
