// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/tar_builder.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstdio>
#include <cstring>

namespace davit::images {
namespace {

constexpr size_t kBlock = 512;

void Octal(std::string& block, size_t offset, size_t width, int64_t value) {
  if (value >= 0 && (width >= 12 || value < (1LL << 3 * (width - 1)))) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", static_cast<int>(width - 1), static_cast<long long>(value));
    block.replace(offset, width - 1, text, width - 1);
    return;
  }
  // Base 256: what octal has no room for, and negative numbers.
  uint64_t bits = static_cast<uint64_t>(value);
  for (size_t i = 0; i < width; ++i) {
    size_t shift = 8 * (width - 1 - i);
    uint8_t fill = value < 0 ? 0xff : 0;
    block[offset + i] = static_cast<char>(shift < 64 ? bits >> shift & 0xff : fill);
  }
  block[offset] = static_cast<char>(static_cast<uint8_t>(block[offset]) | 0x80);
}

void Checksum(std::string& block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  char text[16];
  std::snprintf(text, sizeof text, "%06o", sum);
  block.replace(148, 6, text, 6);
  block[154] = '\0';
}

}  // namespace

std::string TarBuilder::Header(const TarMember& member, size_t patch_offset, std::string_view patch) {
  std::string block(kBlock, '\0');
  block.replace(0, std::min<size_t>(member.name.size(), 100), member.name, 0, 100);
  Octal(block, 100, 8, member.mode);
  Octal(block, 108, 8, member.uid);
  Octal(block, 116, 8, member.gid);
  Octal(block, 124, 12, member.size >= 0 ? member.size : static_cast<int64_t>(member.data.size()));
  Octal(block, 136, 12, member.mtime);
  block[156] = member.type;
  block.replace(157, std::min<size_t>(member.link.size(), 100), member.link, 0, 100);
  block.replace(257, 8, std::string_view("ustar\00000", 8));
  Octal(block, 329, 8, member.major);
  Octal(block, 337, 8, member.minor);
  block.replace(patch_offset, patch.size(), patch);
  Checksum(block);
  return block;
}

std::string TarBuilder::Pad(std::string bytes) {
  bytes.resize((bytes.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return bytes;
}

std::string TarBuilder::PaxRecord(const std::string& key, const std::string& value) {
  size_t rest = key.size() + value.size() + 3;
  size_t length = rest + std::to_string(rest).size();
  if (std::to_string(length).size() != std::to_string(rest).size()) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

TarBuilder& TarBuilder::Add(const TarMember& member) {
  std::string records;
  for (const auto& [key, value] : member.pax) records += PaxRecord(key, value);
  if (!records.empty()) {
    TarMember pax;
    pax.name = "PaxHeaders/x";
    pax.type = 'x';
    pax.data = records;
    Raw(Header(pax) + Pad(records));
  }
  return Raw(Header(member) + Pad(member.data));
}

TarBuilder& TarBuilder::Dir(const std::string& name, int64_t mode) {
  TarMember member;
  member.name = name;
  member.type = '5';
  member.mode = mode;
  return Add(member);
}

TarBuilder& TarBuilder::File(const std::string& name, const std::string& data, int64_t mode) {
  TarMember member;
  member.name = name;
  member.data = data;
  member.mode = mode;
  return Add(member);
}

TarBuilder& TarBuilder::Symlink(const std::string& name, const std::string& target) {
  TarMember member;
  member.name = name;
  member.type = '2';
  member.link = target;
  return Add(member);
}

TarBuilder& TarBuilder::HardLink(const std::string& name, const std::string& target) {
  TarMember member;
  member.name = name;
  member.type = '1';
  member.link = target;
  return Add(member);
}

TarBuilder& TarBuilder::Whiteout(const std::string& dir_and_slash, const std::string& name) {
  return File(dir_and_slash + ".wh." + name, "");
}

TarBuilder& TarBuilder::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string TarBuilder::Finish() const {
  return bytes_ + std::string(2 * kBlock, '\0');
}

std::string Gzip(std::string_view data) {
  std::string out(data.size() + data.size() / 8 + 4096, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uint32_t>(data.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  if (isal_deflate_stateless(&stream) != COMP_OK) return {};
  out.resize(stream.total_out);
  return out;
}

std::string Zstd(std::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  size_t size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3);
  out.resize(ZSTD_isError(size) ? 0 : size);
  return out;
}

}  // namespace davit::images
