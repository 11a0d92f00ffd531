// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/tar_output.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace davit::local {
namespace {

using images::TarEntry;
using images::TarType;

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;
constexpr uint64_t kMostSize = 077777777777;  // 8 GiB - 1, in eleven octal digits
constexpr uint64_t kMostId = 07777777;

using Block = std::array<char, kBlock>;

size_t PaddingFor(uint64_t size) {
  return static_cast<size_t>((kBlock - size % kBlock) % kBlock);
}

void PutText(Block& block, size_t offset, std::string_view text, size_t size) {
  std::memcpy(block.data() + offset, text.data(), std::min(text.size(), size));
}

// Octal digits and a NUL.
void PutNumber(Block& block, size_t offset, size_t size, uint64_t value) {
  block[offset + size - 1] = '\0';
  for (size_t at = offset + size - 1; at-- > offset; value /= 8)
    block[at] = static_cast<char>('0' + value % 8);
}

char FlagOf(TarType type) {
  switch (type) {
    case TarType::kHardLink:
      return '1';
    case TarType::kSymlink:
      return '2';
    case TarType::kCharDevice:
      return '3';
    case TarType::kBlockDevice:
      return '4';
    case TarType::kDirectory:
      return '5';
    case TarType::kFifo:
      return '6';
    default:
      return '0';
  }
}

struct Header {
  char flag = '0';
  std::string name;
  std::string link;
  uint64_t size = 0;  // of what follows in the archive
};

// What does not fit into a field is cut: a pax record replaces it.
Block BlockOf(const Header& header, const TarEntry& entry) {
  Block block{};
  PutText(block, 0, header.name, kNameBytes);
  PutNumber(block, 100, 8, entry.mode & 07777);
  PutNumber(block, 108, 8, std::min<uint64_t>(entry.uid, kMostId));
  PutNumber(block, 116, 8, std::min<uint64_t>(entry.gid, kMostId));
  PutNumber(block, 124, 12, std::min(header.size, kMostSize));
  PutNumber(block, 136, 12, static_cast<uint64_t>(std::clamp<int64_t>(entry.mtime.tv_sec, 0, kMostSize)));
  block[156] = header.flag;
  PutText(block, 157, header.link, kNameBytes);
  PutText(block, 257, std::string_view("ustar\00000", 8), 8);
  if (header.flag == '3' || header.flag == '4') {
    PutNumber(block, 329, 8, std::min<uint64_t>(entry.device_major, kMostId));
    PutNumber(block, 337, 8, std::min<uint64_t>(entry.device_minor, kMostId));
  }
  std::memset(block.data() + 148, ' ', 8);  // the checksum counts as blanks
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  PutNumber(block, 148, 7, sum);
  return block;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts its own digits, too.
void AddRecord(std::string& records, std::string_view key, std::string_view value) {
  std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() > length) ++length;
  records += std::to_string(length) + rest;
}

bool NeedsTimeRecord(const timespec& time) {
  return time.tv_nsec != 0 || time.tv_sec < 0 || static_cast<uint64_t>(time.tv_sec) > kMostSize;
}

// A time before 1970 has its fraction counted from the second before it: -1.5 is {-2, 500'000'000}.
std::string TimeText(const timespec& time) {
  int64_t seconds = time.tv_sec;
  int64_t nanoseconds = time.tv_nsec;
  bool negative = seconds < 0;
  if (negative && nanoseconds > 0) {
    ++seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  std::string text = (negative ? "-" : "") + std::to_string(negative ? -seconds : seconds);
  if (nanoseconds == 0) return text;
  std::string digits = std::to_string(nanoseconds);
  text += "." + std::string(9 - digits.size(), '0') + digits;
  while (text.ends_with('0')) text.pop_back();
  return text;
}

// GNU tar makes a file as long as its last segment says: a hole at the end needs an empty one.
std::string SparseMap(const TarEntry& entry) {
  std::vector<images::SparseSegment> segments = *entry.segments;
  bool has_end = !segments.empty() && segments.back().offset + segments.back().length == entry.size;
  if (!has_end) segments.push_back({entry.size, 0});
  std::string map = std::to_string(segments.size()) + "\n";
  for (const images::SparseSegment& segment : segments)
    map += std::to_string(segment.offset) + "\n" + std::to_string(segment.length) + "\n";
  map.append(PaddingFor(map.size()), '\0');
  return map;
}

uint64_t DataBytes(const TarEntry& entry) {
  if (entry.type != TarType::kFile) return 0;
  if (!entry.segments) return entry.size;
  uint64_t bytes = 0;
  for (const images::SparseSegment& segment : *entry.segments) bytes += segment.length;
  return bytes;
}

std::string RecordsOf(const Header& header, const TarEntry& entry, const std::string& name) {
  std::string records;
  if (entry.segments) {
    AddRecord(records, "GNU.sparse.major", "1");
    AddRecord(records, "GNU.sparse.minor", "0");
    AddRecord(records, "GNU.sparse.name", name);
    AddRecord(records, "GNU.sparse.realsize", std::to_string(entry.size));
  } else if (name.size() > kNameBytes) {
    AddRecord(records, "path", name);
  }
  if (header.link.size() > kNameBytes) AddRecord(records, "linkpath", header.link);
  if (header.size > kMostSize) AddRecord(records, "size", std::to_string(header.size));
  if (entry.uid > kMostId) AddRecord(records, "uid", std::to_string(entry.uid));
  if (entry.gid > kMostId) AddRecord(records, "gid", std::to_string(entry.gid));
  if (NeedsTimeRecord(entry.mtime)) AddRecord(records, "mtime", TimeText(entry.mtime));
  for (const auto& [key, value] : entry.xattrs) AddRecord(records, "SCHILY.xattr." + key, value);
  return records;
}

std::string_view View(const Block& block) {
  return {block.data(), block.size()};
}

}  // namespace

Result<> TarOutput::CheckComplete() const {
  if (missing_ == 0) return {};
  return Fail(Code::kInternal, "write archive", "",
              std::to_string(missing_) + " bytes of a file are missing");
}

Result<> TarOutput::Send(std::string_view piece) {
  Result<> sent = sink_(piece);
  failed_ = failed_ || !sent;
  return sent;
}

Result<> TarOutput::Begin(const TarEntry& entry) {
  TRY(CheckComplete());
  std::string name = entry.name;
  if (entry.type == TarType::kDirectory && !name.ends_with('/')) name += '/';
  std::string map = entry.segments ? SparseMap(entry) : "";
  uint64_t data = DataBytes(entry);
  Header header{FlagOf(entry.type), entry.segments ? "GNUSparseFile.0/sparse" : name, entry.link,
                map.size() + data};
  if (std::string records = RecordsOf(header, entry, name); !records.empty()) {
    TarEntry plain;
    plain.mode = 0644;
    TRY(Send(View(BlockOf({'x', "PaxHeaders/0", "", records.size()}, plain))));
    records.append(PaddingFor(records.size()), '\0');
    TRY(Send(records));
  }
  TRY(Send(View(BlockOf(header, entry))));
  if (!map.empty()) TRY(Send(map));
  missing_ = data;
  padding_ = PaddingFor(data);
  return {};
}

Result<> TarOutput::Write(std::string_view data) {
  if (data.empty()) return {};
  if (data.size() > missing_)
    return Fail(Code::kInternal, "write archive", "", "a file is longer than its header says");
  TRY(Send(data));
  missing_ -= data.size();
  if (missing_ > 0 || padding_ == 0) return {};
  return Send(std::string(padding_, '\0'));
}

Result<> TarOutput::WriteZeros(uint64_t count) {
  static const std::string zeros(64 << 10, '\0');
  while (count > 0) {
    auto piece = static_cast<size_t>(std::min<uint64_t>(count, zeros.size()));
    TRY(Write(std::string_view(zeros).substr(0, piece)));
    count -= piece;
  }
  return {};
}

Result<> TarOutput::Finish() {
  TRY(CheckComplete());
  return Send(std::string(2 * kBlock, '\0'));
}

}  // namespace davit::local
