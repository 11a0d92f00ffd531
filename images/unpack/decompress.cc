// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <string>
#include <vector>

namespace davit::images {
namespace {

constexpr size_t kOutputBytes = 256 << 10;
// Decoders of the layer's content must not make us hold more than this for their window; it is zstd's own
// default.
constexpr int kZstdWindowLog = 27;

std::unexpected<Error> Corrupt(std::string_view format, std::string_view why) {
  return Fail(Code::kDataLoss, "decompress", format, why);
}

// Gives back the bytes that were looked at to tell the format.
class Rewound : public ChunkStream {
 public:
  Rewound(std::string head, ChunkStream& rest) : head_(std::move(head)), rest_(rest) {}

  Result<std::string_view> Next() override {
    if (!head_given_) {
      head_given_ = true;
      if (!head_.empty()) return std::string_view(head_);
    }
    return rest_.Next();
  }

 private:
  std::string head_;
  bool head_given_ = false;
  ChunkStream& rest_;
};

class GzipChunks : public ChunkStream {
 public:
  explicit GzipChunks(std::unique_ptr<ChunkStream> input) : input_(std::move(input)) { StartMember(); }

  Result<std::string_view> Next() override {
    state_.next_out = reinterpret_cast<uint8_t*>(output_.data());
    state_.avail_out = static_cast<uint32_t>(output_.size());
    while (state_.avail_out != 0) {
      if (state_.avail_in == 0 && !at_end_) TRY(Refill());
      if (member_done_) {
        if (at_end_ && state_.avail_in == 0) break;
        StartMember();
      }
      uint32_t in_before = state_.avail_in;
      uint32_t out_before = state_.avail_out;
      if (int status = isal_inflate(&state_); status < ISAL_DECOMP_OK)
        return Corrupt("gzip", Describe(status));
      member_done_ = state_.block_state == ISAL_BLOCK_FINISH;
      bool stuck = in_before == state_.avail_in && out_before == state_.avail_out && !member_done_;
      if (stuck && at_end_) return Corrupt("gzip", "the stream ends too early");
    }
    return std::string_view(output_.data(), output_.size() - state_.avail_out);
  }

 private:
  void StartMember() {
    uint8_t* next_in = state_.next_in;
    uint32_t avail_in = state_.avail_in;
    uint8_t* next_out = state_.next_out;
    uint32_t avail_out = state_.avail_out;
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;  // header read, CRC and length verified
    state_.next_in = next_in;
    state_.avail_in = avail_in;
    state_.next_out = next_out;
    state_.avail_out = avail_out;
    member_done_ = false;
  }

  Result<> Refill() {
    std::string_view piece = TRY(input_->Next());
    at_end_ = piece.empty();
    // The library takes a pointer to non-const and does not write through it.
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(piece.data()));
    state_.avail_in = static_cast<uint32_t>(piece.size());
    return {};
  }

  static std::string_view Describe(int status) {
    switch (status) {
      case ISAL_INVALID_WRAPPER:
        return "malformed header";
      case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
      case ISAL_INCORRECT_CHECKSUM:
        return "wrong checksum";
      default:
        return "malformed data";
    }
  }

  std::unique_ptr<ChunkStream> input_;
  inflate_state state_{};
  bool member_done_ = false;
  bool at_end_ = false;
  std::vector<char> output_ = std::vector<char>(kOutputBytes);
};

class ZstdChunks : public ChunkStream {
 public:
  explicit ZstdChunks(std::unique_ptr<ChunkStream> input)
      : input_(std::move(input)), context_(ZSTD_createDCtx()) {
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
  }

  Result<std::string_view> Next() override {
    if (!context_) return SystemError("ZSTD_createDCtx", "layer stream", ENOMEM);
    ZSTD_outBuffer out{output_.data(), output_.size(), 0};
    while (out.pos < out.size) {
      if (in_.pos == in_.size && !at_end_) {
        std::string_view piece = TRY(input_->Next());
        at_end_ = piece.empty();
        in_ = {piece.data(), piece.size(), 0};
      }
      if (frame_done_ && at_end_) break;
      size_t in_before = in_.pos;
      size_t out_before = out.pos;
      size_t status = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(status)) return Corrupt("zstd", ZSTD_getErrorName(status));
      frame_done_ = status == 0;
      bool stuck = in_before == in_.pos && out_before == out.pos && !frame_done_;
      if (stuck && at_end_) return Corrupt("zstd", "the stream ends too early");
    }
    return std::string_view(output_.data(), out.pos);
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  std::unique_ptr<ChunkStream> input_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool frame_done_ = false;
  bool at_end_ = false;
  std::vector<char> output_ = std::vector<char>(kOutputBytes);
};

bool IsZstd(std::string_view head) {
  bool skippable = head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18";
  return head.starts_with("\x28\xb5\x2f\xfd") || skippable;
}

}  // namespace

Result<std::unique_ptr<ChunkStream>> Decompress(ChunkStream& input) {
  constexpr size_t kMagicBytes = 6;
  std::string head;
  while (head.size() < kMagicBytes) {
    std::string_view piece = TRY(input.Next());
    if (piece.empty()) break;
    head += piece;
  }
  std::string_view magic = head;
  bool gzip = magic.starts_with("\x1f\x8b");
  bool zstd = IsZstd(magic);
  if (magic.starts_with("BZh"))
    return Fail(Code::kUnimplemented, "decompress", "layer", "compressed with bzip2");
  if (magic.starts_with("\xfd"
                        "7zXZ"))
    return Fail(Code::kUnimplemented, "decompress", "layer", "compressed with xz");
  std::unique_ptr<ChunkStream> whole = std::make_unique<Rewound>(std::move(head), input);
  if (gzip) return std::make_unique<GzipChunks>(std::move(whole));
  if (zstd) return std::make_unique<ZstdChunks>(std::move(whole));
  return whole;
}

}  // namespace davit::images
