// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/testing/tar_builder.h"
#include "images/unpack/read_ahead.h"

namespace davit::images {
namespace {

// Long enough for several buffers, and neither constant nor random.
std::string Text(size_t size) {
  std::string text;
  uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += std::to_string(state % 1000) + " davits ";
  }
  text.resize(size);
  return text;
}

Result<std::string> ReadAll(ChunkStream& stream) {
  std::string all;
  for (std::string_view piece = TRY(stream.Next()); !piece.empty(); piece = TRY(stream.Next())) all += piece;
  return all;
}

Result<std::string> Inflate(std::string_view compressed, size_t chunk) {
  auto input = ChunksOf(compressed, chunk);
  auto output = TRY(Decompress(*input));
  return ReadAll(*output);
}

TEST(Decompress, TellsTheFormatByContent) {
  std::string text = Text(1'000'000);
  for (size_t chunk : {size_t{1} << 20, size_t{4096}, size_t{7}}) {
    EXPECT_EQ(Inflate(Gzip(text), chunk).value_or("error"), text) << chunk;
    EXPECT_EQ(Inflate(Zstd(text), chunk).value_or("error"), text) << chunk;
    EXPECT_EQ(Inflate(text, chunk).value_or("error"), text) << chunk;
  }
  EXPECT_EQ(Inflate("", 10).value_or("error"), "");
  EXPECT_EQ(Inflate(Gzip(""), 10).value_or("error"), "");
}

// The boundary between two members falls everywhere in the pieces that are read.
TEST(Decompress, ReadsSeveralGzipMembersAndZstdFrames) {
  std::string one = Text(3000);
  std::string two = Text(100);
  std::string gzip = Gzip(one) + Gzip(two) + Gzip("") + Gzip(one);
  std::string zstd = Zstd(one) + Zstd(two) + Zstd(one);
  for (size_t chunk = 1; chunk < 600; ++chunk) {
    ASSERT_EQ(Inflate(gzip, chunk).value_or("error"), one + two + one) << chunk;
    ASSERT_EQ(Inflate(zstd, chunk).value_or("error"), one + two + one) << chunk;
  }
}

TEST(Decompress, AnyTruncationIsDataLoss) {
  std::string text = Text(2000);
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    for (size_t size = 6; size < whole.size(); ++size) {
      auto inflated = Inflate(std::string_view(whole).substr(0, size), 100);
      ASSERT_FALSE(inflated) << size << " of " << whole.size();
      EXPECT_EQ(inflated.error().code, Code::kDataLoss);
    }
  }
}

TEST(Decompress, ACorruptStreamIsDataLoss) {
  std::string text = Text(20'000);
  std::string gzip = Gzip(text);
  for (size_t at : {gzip.size() - 1, gzip.size() - 6, gzip.size() / 2, size_t{11}}) {
    std::string corrupt = gzip;
    corrupt[at] = static_cast<char>(corrupt[at] ^ 0x55);
    auto inflated = Inflate(corrupt, 1000);
    ASSERT_FALSE(inflated) << at;
    EXPECT_EQ(inflated.error().code, Code::kDataLoss);
  }
  EXPECT_EQ(Inflate(gzip + "garbage", 1000).error().code, Code::kDataLoss);
  EXPECT_EQ(Inflate(Zstd(text) + "garbage", 1000).error().code, Code::kDataLoss);
}

TEST(Decompress, NamesFormatsThatItDoesNotKnow) {
  EXPECT_EQ(Inflate("BZh91AY&SY", 100).error().code, Code::kUnimplemented);
  EXPECT_EQ(Inflate(std::string("\xfd"
                                "7zXZ\0",
                                6),
                    100)
                .error()
                .code,
            Code::kUnimplemented);
}

TEST(ReadAhead, HandsOnEveryByteAndTheError) {
  std::string text = Text(5'000'000);
  auto input = ChunksOf(text, 100'000);
  auto ahead = ReadAhead(*input);
  EXPECT_EQ(ReadAll(*ahead).value_or("error"), text);

  auto broken = ChunksOf(std::string_view("\x1f\x8b broken"), 100);
  auto inflated = *Decompress(*broken);
  auto failing = ReadAhead(*inflated);
  EXPECT_EQ(ReadAll(*failing).error().code, Code::kDataLoss);
}

TEST(ReadAhead, EndsWhenNobodyReads) {
  std::string text = Text(5'000'000);
  auto input = ChunksOf(text, 1000);
  auto ahead = ReadAhead(*input);
  EXPECT_FALSE(ahead->Next()->empty());
}  // its thread is waiting for room; going must not hang

}  // namespace
}  // namespace davit::images
