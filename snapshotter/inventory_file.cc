// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/inventory_file.h"

#include <endian.h>
#include <unistd.h>

#include <cstring>

#include "base/file_io.h"

namespace davit::snapshotter {
namespace {

constexpr char kName[] = "inventory";
constexpr size_t kBufferBytes = 64 << 10;
constexpr size_t kMostItemBytes = 1024;  // a name has at most 255 bytes

std::string Framed(const InventoryItem& item) {
  std::string text = Encode(item);
  uint32_t size = htole32(static_cast<uint32_t>(text.size()));
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
}

InventoryItem End(const Checksum& checksum) {
  InventoryItem end;
  end.kind = InventoryItem::Kind::kEnd;
  end.content = checksum.value();
  return end;
}

std::unexpected<Error> Damaged(const char* how) {
  return Fail(Code::kDataLoss, "read", kName, how);
}

}  // namespace

Result<> InventoryWriter::Add(const InventoryItem& item) {
  std::string framed = Framed(item);
  checksum_.Update(framed);
  buffer_ += framed;
  return buffer_.size() < kBufferBytes ? Result<>() : Flush();
}

Result<> InventoryWriter::Finish() {
  buffer_ += Framed(End(checksum_));
  return Flush();
}

Result<> InventoryWriter::Flush() {
  TRY(WriteAll(fd_, buffer_, kName));
  buffer_.clear();
  return {};
}

// Until the buffer has `size` bytes after the position.
Result<> InventoryReader::Fill(size_t size) {
  buffer_.erase(0, position_);
  position_ = 0;
  while (buffer_.size() < size) {
    size_t had = buffer_.size();
    buffer_.resize(had + kBufferBytes);
    ssize_t got = TEMP_FAILURE_RETRY(read(fd_, buffer_.data() + had, kBufferBytes));
    buffer_.resize(had + static_cast<size_t>(got > 0 ? got : 0));
    if (got < 0) return SystemError("read", kName);
    if (got == 0) return Damaged("it ends early");
  }
  return {};
}

// Valid until the next call.
Result<std::string_view> InventoryReader::Take(size_t size) {
  if (buffer_.size() - position_ < size) TRY(Fill(size));
  std::string_view taken = std::string_view(buffer_).substr(position_, size);
  position_ += size;
  return taken;
}

Result<InventoryItem> InventoryReader::Next() {
  uint32_t size;
  std::string framed(TRY(Take(sizeof size)));
  memcpy(&size, framed.data(), sizeof size);
  size = le32toh(size);
  if (size > kMostItemBytes) return Damaged("an item is too long");
  framed += TRY(Take(size));
  auto item = Decode<InventoryItem>(framed.substr(sizeof size), kName);
  if (!item) return Damaged("an item is malformed");
  bool end = item->kind == InventoryItem::Kind::kEnd;
  if (end && framed != Framed(End(checksum_))) return Damaged("it has another checksum");
  checksum_.Update(framed);
  return std::move(*item);
}

}  // namespace davit::snapshotter
