// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/chunk_stream.h"

#include <unistd.h>

#include <vector>

namespace davit::images {
namespace {

class FdChunks : public ChunkStream {
 public:
  explicit FdChunks(int fd) : fd_(fd) {}

  Result<std::string_view> Next() override {
    ssize_t size = TEMP_FAILURE_RETRY(read(fd_, buffer_.data(), buffer_.size()));
    if (size < 0) return SystemError("read", "layer stream");
    return std::string_view(buffer_.data(), static_cast<size_t>(size));
  }

 private:
  int fd_;
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
};

class StringChunks : public ChunkStream {
 public:
  StringChunks(std::string_view data, size_t chunk) : rest_(data), chunk_(chunk) {}

  Result<std::string_view> Next() override {
    std::string_view piece = rest_.substr(0, chunk_);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
  size_t chunk_;
};

}  // namespace

std::unique_ptr<ChunkStream> ReadChunks(int fd) {
  return std::make_unique<FdChunks>(fd);
}

std::unique_ptr<ChunkStream> ChunksOf(std::string_view data, size_t chunk) {
  return std::make_unique<StringChunks>(data, chunk);
}

}  // namespace davit::images
