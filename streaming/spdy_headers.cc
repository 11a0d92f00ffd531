// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/spdy_headers.h"

#include <stdexcept>

#include "streaming/big_endian.h"
#include "streaming/spdy_dictionary.h"

namespace davit::streaming {
namespace {

constexpr char kStep[] = "read SPDY headers";

const Bytef* DictionaryBytes() {
  return reinterpret_cast<const Bytef*>(SpdyDictionary().data());
}

Bytef* Input(std::string_view block) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
}

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, kStep, "block", what);
}

// The inflated form, from the front.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}

  Result<uint32_t> Number() {
    if (rest_.size() < 4) return Malformed("it ends within a number");
    auto value = static_cast<uint32_t>(ReadBig(rest_.substr(0, 4)));
    rest_.remove_prefix(4);
    return value;
  }
  Result<std::string> Text() {
    uint32_t size = TRY(Number());
    if (size > rest_.size()) return Malformed("it ends within a name or a value");
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Result<SpdyHeaders> Parse(std::string_view inflated) {
  Fields fields(inflated);
  uint32_t count = TRY(fields.Number());
  if (count > kMaxSpdyHeaders) {
    return Fail(Code::kResourceExhausted, kStep, std::to_string(count), "too many headers");
  }
  SpdyHeaders headers;
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = TRY(fields.Text());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    std::string value = TRY(fields.Text());
    if (name.empty() || !headers.emplace(std::move(name), std::move(value)).second) {
      return Malformed("a name is empty or occurs twice");
    }
  }
  if (!fields.empty()) return Malformed("bytes follow the last header");
  return headers;
}

}  // namespace

SpdyHeaderReader::SpdyHeaderReader() {
  if (inflateInit(&zlib_) != Z_OK) throw std::bad_alloc();
}

SpdyHeaderReader::~SpdyHeaderReader() {
  inflateEnd(&zlib_);
}

Result<SpdyHeaders> SpdyHeaderReader::Read(std::string_view block) {
  return Parse(TRY(Inflate(block)));
}

Result<std::string> SpdyHeaderReader::Inflate(std::string_view block) {
  // One byte more than is allowed, so that a block of exactly the limit is told from a larger one.
  std::string inflated(kMaxSpdyHeaderBytes + 1, '\0');
  zlib_.next_in = Input(block);
  zlib_.avail_in = static_cast<uInt>(block.size());
  zlib_.next_out = reinterpret_cast<Bytef*>(inflated.data());
  zlib_.avail_out = static_cast<uInt>(inflated.size());
  int status = inflate(&zlib_, Z_SYNC_FLUSH);
  if (status == Z_NEED_DICT) {
    auto size = static_cast<uInt>(SpdyDictionary().size());
    if (inflateSetDictionary(&zlib_, DictionaryBytes(), size) != Z_OK) {
      return Malformed("it asks for another dictionary");
    }
    status = inflate(&zlib_, Z_SYNC_FLUSH);
  }
  if (zlib_.avail_out == 0) {
    return Fail(Code::kResourceExhausted, kStep, std::to_string(block.size()) + " bytes",
                "they inflate to more than " + std::to_string(kMaxSpdyHeaderBytes));
  }
  if (status != Z_OK || zlib_.avail_in > 0) return Malformed("it is not one block of the compressed stream");
  inflated.resize(inflated.size() - zlib_.avail_out);
  return inflated;
}

SpdyHeaderWriter::SpdyHeaderWriter() {
  // We send next to no headers: the smallest window that the dictionary fits into, 9 KiB of memory in place
  // of 256.
  constexpr int kWindowBits = 11;
  constexpr int kMemoryLevel = 1;
  if (deflateInit2(&zlib_, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  deflateSetDictionary(&zlib_, DictionaryBytes(), static_cast<uInt>(SpdyDictionary().size()));
}

SpdyHeaderWriter::~SpdyHeaderWriter() {
  deflateEnd(&zlib_);
}

std::string SpdyHeaderWriter::Write(const SpdyHeaders& headers) {
  std::string plain;
  AppendBig32(plain, static_cast<uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    AppendBig32(plain, static_cast<uint32_t>(name.size()));
    plain += name;
    AppendBig32(plain, static_cast<uint32_t>(value.size()));
    plain += value;
  }
  std::string block(deflateBound(&zlib_, plain.size()) + 16, '\0');
  zlib_.next_in = Input(plain);
  zlib_.avail_in = static_cast<uInt>(plain.size());
  zlib_.next_out = reinterpret_cast<Bytef*>(block.data());
  zlib_.avail_out = static_cast<uInt>(block.size());
  deflate(&zlib_, Z_SYNC_FLUSH);
  block.resize(block.size() - zlib_.avail_out);
  return block;
}

}  // namespace davit::streaming
