// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace davit::images {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;
constexpr int64_t kMostInHeader = 077777777777;  // 8 GiB - 1, in eleven octal digits

using Block = std::array<char, kBlock>;

size_t PaddingFor(int64_t size) {
  return (kBlock - static_cast<size_t>(size) % kBlock) % kBlock;
}

void PutText(Block& block, size_t offset, std::string_view text, size_t size) {
  std::memcpy(block.data() + offset, text.data(), std::min(text.size(), size));
}

// Octal digits and a NUL. The value fits.
void PutNumber(Block& block, size_t offset, size_t size, int64_t value) {
  block[offset + size - 1] = '\0';
  for (size_t at = offset + size - 1; at-- > offset; value /= 8)
    block[at] = static_cast<char>('0' + value % 8);
}

// The fields of a ustar header; a name or size that does not fit is cut: a pax record replaces it.
Block HeaderBlock(std::string_view name, int64_t size, char type) {
  Block block{};
  PutText(block, 0, name, kNameBytes);
  PutNumber(block, 100, 8, type == '5' ? 0755 : 0644);
  PutNumber(block, 108, 8, 0);  // uid
  PutNumber(block, 116, 8, 0);  // gid
  PutNumber(block, 124, 12, std::min(size, kMostInHeader));
  PutNumber(block, 136, 12, 0);                 // mtime
  PutText(block, 148, std::string(8, ' '), 8);  // the checksum counts as blanks
  block[156] = type;
  PutText(block, 257, std::string_view("ustar\00000", 8), 8);
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  PutNumber(block, 148, 7, sum);
  return block;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts its own digits, too.
std::string PaxRecord(std::string_view key, std::string_view value) {
  std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() > length) ++length;
  return std::to_string(length) + rest;
}

std::string_view View(const Block& block) {
  return {block.data(), block.size()};
}

}  // namespace

Result<> TarWriter::CheckComplete() const {
  if (missing_ == 0) return {};
  return Fail(Code::kInternal, "write archive", "",
              std::to_string(missing_) + " bytes of a file are missing");
}

Result<> TarWriter::Header(const std::string& name, int64_t size, char type) {
  TRY(CheckComplete());
  std::string records;
  if (name.size() > kNameBytes) records += PaxRecord("path", name);
  if (size > kMostInHeader) records += PaxRecord("size", std::to_string(size));
  if (!records.empty()) {
    int64_t records_size = static_cast<int64_t>(records.size());
    TRY(sink_.Write(View(HeaderBlock("PaxHeaders/" + name, records_size, 'x'))));
    records.append(PaddingFor(records_size), '\0');
    TRY(sink_.Write(records));
  }
  return sink_.Write(View(HeaderBlock(name, size, type)));
}

Result<> TarWriter::AddDirectory(const std::string& name) {
  return Header(name + "/", 0, '5');
}

Result<> TarWriter::BeginFile(const std::string& name, int64_t size) {
  TRY(Header(name, size, '0'));
  missing_ = size;
  padding_ = PaddingFor(size);
  return {};
}

Result<> TarWriter::Write(std::string_view piece) {
  if (piece.empty()) return {};
  auto bytes = static_cast<int64_t>(piece.size());
  if (bytes > missing_)
    return Fail(Code::kInternal, "write archive", "", "a file is longer than its header says");
  TRY(sink_.Write(piece));
  missing_ -= bytes;
  if (missing_ > 0) return {};
  return sink_.Write(std::string(padding_, '\0'));
}

Result<> TarWriter::AddFile(const std::string& name, std::string_view content) {
  TRY(BeginFile(name, static_cast<int64_t>(content.size())));
  return Write(content);
}

Result<> TarWriter::Finish() {
  TRY(CheckComplete());
  return sink_.Write(std::string(2 * kBlock, '\0'));
}

}  // namespace davit::images
