// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs/gzip_output.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <climits>
#include <vector>

namespace davit::local {

struct GzipOutput::State {
  isal_zstream stream;
  std::vector<uint8_t> level = std::vector<uint8_t>(ISAL_DEF_LVL1_DEFAULT);
  std::array<uint8_t, 256 << 10> buffer;
};

GzipOutput::GzipOutput(Sink sink) : sink_(std::move(sink)), state_(std::make_unique<State>()) {
  isal_zstream& stream = state_->stream;
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = state_->level.data();
  stream.level_buf_size = static_cast<uint32_t>(state_->level.size());
  stream.gzip_flag = IGZIP_GZIP;
}

GzipOutput::~GzipOutput() = default;

Result<> GzipOutput::Deflate(std::string_view piece, bool last) {
  isal_zstream& stream = state_->stream;
  // The library only reads.
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uint32_t>(piece.size());
  stream.end_of_stream = last ? 1 : 0;
  do {
    stream.next_out = state_->buffer.data();
    stream.avail_out = static_cast<uint32_t>(state_->buffer.size());
    if (int status = isal_deflate(&stream); status != COMP_OK)
      return Fail(Code::kInternal, "compress", "layer", "error " + std::to_string(status));
    size_t made = state_->buffer.size() - stream.avail_out;
    if (made > 0) TRY(sink_({reinterpret_cast<const char*>(state_->buffer.data()), made}));
  } while (stream.avail_out == 0 || stream.avail_in > 0);
  return {};
}

Result<> GzipOutput::Write(std::string_view piece) {
  constexpr size_t kMost = 1 << 20;
  while (!piece.empty()) {
    size_t size = std::min(piece.size(), kMost);
    TRY(Deflate(piece.substr(0, size), /*last=*/false));
    piece.remove_prefix(size);
  }
  return {};
}

Result<> GzipOutput::Finish() {
  return Deflate({}, /*last=*/true);
}

}  // namespace davit::local
