// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/tar_header.h"

#include <algorithm>

namespace davit::images {
namespace {

struct Field {
  size_t offset;
  size_t length;
};

constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr size_t kTypeFlag = 156;
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 8};  // with the version
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarTrailer{508, 4};

constexpr Field kSparseMap{386, 4 * 24};
constexpr size_t kSparseIsExtended = 482;
constexpr Field kRealSize{483, 12};
constexpr Field kExtensionMap{0, 21 * 24};
constexpr size_t kExtensionIsExtended = 504;

std::string_view Get(std::string_view block, Field field) {
  return block.substr(field.offset, field.length);
}

// Up to the first NUL.
std::string_view Text(std::string_view block, Field field) {
  std::string_view text = Get(block, field);
  return text.substr(0, text.find('\0'));
}

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, "read tar header", what, "malformed");
}

// Old writers summed the bytes as signed.
bool ChecksumMatches(std::string_view block, int64_t expected) {
  int64_t as_unsigned = 0;
  int64_t as_signed = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    bool in_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    char c = in_checksum ? ' ' : block[i];
    as_unsigned += static_cast<unsigned char>(c);
    as_signed += static_cast<signed char>(c);
  }
  return expected == as_unsigned || expected == as_signed;
}

// The first bit says base 256: big-endian two's complement in the remaining bits.
Result<int64_t> ParseBase256(std::string_view field) {
  bool negative = (field[0] & 0x40) != 0;
  uint64_t value = negative ? ~0ULL : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    uint8_t byte = static_cast<uint8_t>(field[i]);
    if (i == 0) byte = static_cast<uint8_t>(negative ? byte | 0x80 : byte & 0x7f);
    // What is shifted out must be nothing but the sign.
    uint64_t top = value >> 55;
    if (top != 0 && top != 0x1ff) return Malformed("number");
    value = (value << 8) | byte;
  }
  return static_cast<int64_t>(value);
}

Result<> ReadSparseMap(std::string_view map, std::vector<SparseSegment>& segments) {
  constexpr size_t kNumber = 12;
  for (size_t pos = 0; pos + 2 * kNumber <= map.size(); pos += 2 * kNumber) {
    if (map[pos] == '\0') break;  // the first unused slot
    int64_t offset = TRY(ParseTarNumber(map.substr(pos, kNumber)));
    int64_t length = TRY(ParseTarNumber(map.substr(pos + kNumber, kNumber)));
    if (offset < 0 || length < 0) return Malformed("sparse map");
    segments.push_back({static_cast<uint64_t>(offset), static_cast<uint64_t>(length)});
  }
  return {};
}

}  // namespace

bool IsZeroBlock(std::string_view block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

Result<int64_t> ParseTarNumber(std::string_view field) {
  if (!field.empty() && (field[0] & 0x80) != 0) return ParseBase256(field);
  size_t pos = 0;
  while (pos < field.size() && field[pos] == ' ') ++pos;
  int64_t value = 0;
  for (; pos < field.size() && field[pos] >= '0' && field[pos] <= '7'; ++pos) {
    if (value > (INT64_MAX >> 3)) return Malformed("number");
    value = value * 8 + (field[pos] - '0');
  }
  for (; pos < field.size() && field[pos] != '\0'; ++pos) {
    if (field[pos] != ' ') return Malformed("number");
  }
  return value;
}

Result<TarHeader> ParseTarHeader(std::string_view block) {
  int64_t checksum = TRY(ParseTarNumber(Get(block, kChecksum)));
  if (!ChecksumMatches(block, checksum)) {
    return Fail(Code::kInvalidArgument, "read tar header", "checksum", "does not match");
  }
  TarHeader header;
  header.type_flag = block[kTypeFlag];
  header.name = Text(block, kName);
  header.link = Text(block, kLink);
  header.mode = TRY(ParseTarNumber(Get(block, kMode)));
  header.uid = TRY(ParseTarNumber(Get(block, kUid)));
  header.gid = TRY(ParseTarNumber(Get(block, kGid)));
  header.size = TRY(ParseTarNumber(Get(block, kSize)));
  header.mtime = TRY(ParseTarNumber(Get(block, kMtime)));
  if (header.size < 0) return Malformed("size");

  std::string_view magic = Get(block, kMagic);
  bool gnu = magic == std::string_view("ustar  \0", 8);
  bool ustar = magic.starts_with(std::string_view("ustar\0", 6));
  if (!gnu && !ustar) return header;  // V7 has nothing more
  header.device_major = TRY(ParseTarNumber(Get(block, kMajor)));
  header.device_minor = TRY(ParseTarNumber(Get(block, kMinor)));
  if (ustar) {
    bool star = Get(block, kStarTrailer) == std::string_view("tar\0", 4);
    std::string_view prefix = Text(block, star ? kStarPrefix : kPrefix);
    if (!prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
  }
  if (gnu && header.type_flag == 'S') {
    TRY(ReadSparseMap(Get(block, kSparseMap), header.segments));
    header.more_segments = block[kSparseIsExtended] != 0;
    header.real_size = TRY(ParseTarNumber(Get(block, kRealSize)));
    if (header.real_size < 0) return Malformed("sparse file size");
  }
  return header;
}

Result<bool> ParseSparseExtension(std::string_view block, std::vector<SparseSegment>& segments) {
  TRY(ReadSparseMap(Get(block, kExtensionMap), segments));
  return block[kExtensionIsExtended] != 0;
}

}  // namespace davit::images
