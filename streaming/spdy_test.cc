// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <zlib.h>

#include "streaming/big_endian.h"
#include "streaming/spdy_dictionary.h"
#include "streaming/spdy_frames.h"
#include "streaming/testing/client_frames.h"

namespace davit::streaming {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a reader has told, one line each.
class Recorder final : public SpdyFrames {
 public:
  void OnStream(uint32_t stream, const SpdyHeaders& headers, bool ended) override {
    std::string line = "open " + std::to_string(stream);
    for (const auto& [name, value] : headers) line += " " + name + "=" + value;
    told.push_back(line + (ended ? " ended" : ""));
  }
  // Pieces are put together: where they are cut is nobody's business.
  void OnStreamData(uint32_t stream, std::string_view piece) override {
    std::string begin = "data " + std::to_string(stream) + " ";
    if (told.empty() || !told.back().starts_with(begin)) told.push_back(begin);
    told.back() += piece;
  }
  void OnStreamEnd(uint32_t stream) override { told.push_back("end " + std::to_string(stream)); }
  void OnStreamReset(uint32_t stream) override { told.push_back("reset " + std::to_string(stream)); }
  void OnPing(uint32_t id) override { told.push_back("ping " + std::to_string(id)); }
  void OnGoAway() override { told.push_back("goaway"); }

  std::vector<std::string> told;
};

// The error of reading these bytes at once; "" when there is none.
std::string ErrorOf(const std::string& bytes) {
  Recorder recorder;
  Result<> read = SpdyReader(recorder).Consume(bytes);
  return read ? "" : read.error().ToString();
}

// A header block that inflates to `plain`.
std::string Deflate(const std::string& plain) {
  z_stream zlib{};
  deflateInit(&zlib, Z_BEST_COMPRESSION);
  const std::string& dictionary = SpdyDictionary();
  deflateSetDictionary(&zlib, reinterpret_cast<const Bytef*>(dictionary.data()),
                       static_cast<uInt>(dictionary.size()));
  std::string block(deflateBound(&zlib, plain.size()) + 64, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  zlib.avail_in = static_cast<uInt>(plain.size());
  zlib.next_out = reinterpret_cast<Bytef*>(block.data());
  zlib.avail_out = static_cast<uInt>(block.size());
  deflate(&zlib, Z_SYNC_FLUSH);
  block.resize(block.size() - zlib.avail_out);
  deflateEnd(&zlib);
  return block;
}

std::string OpenFrame(const std::string& block) {
  std::string payload("\0\0\0\1\0\0\0\0\0\0", 10);
  return SpdyClientFrames::Control(1, payload + block);
}

std::string Number(uint32_t value) {
  std::string text;
  AppendBig32(text, value);
  return text;
}

TEST(Spdy, TheDictionaryIsTheProtocols) {
  const std::string& dictionary = SpdyDictionary();
  EXPECT_EQ(
      adler32(1, reinterpret_cast<const Bytef*>(dictionary.data()), static_cast<uInt>(dictionary.size())),
      0xe3c6a7c2);
}

TEST(Spdy, FramesAreTheSameInOnePieceAndByteByByte) {
  SpdyClientFrames client;
  std::string bytes = client.Open(1, {{"streamtype", "error"}}, /*fin=*/true);
  bytes += client.Open(3, {{"streamtype", "data"}, {"port", "80"}});
  bytes += client.Data(3, "hello") + client.Data(3, " world", /*fin=*/true) + client.Ping(5) +
           client.Reset(3) + SpdyGoAway(3);
  Recorder whole;
  ASSERT_TRUE(SpdyReader(whole).Consume(bytes));
  Recorder bytewise;
  SpdyReader reader(bytewise);
  for (char byte : bytes) ASSERT_TRUE(reader.Consume({&byte, 1}));
  EXPECT_THAT(whole.told, ElementsAre("open 1 streamtype=error ended", "open 3 port=80 streamtype=data",
                                      "data 3 hello world", "end 3", "ping 5", "reset 3", "goaway"));
  EXPECT_EQ(bytewise.told, whole.told);
}

TEST(Spdy, WhatAServerIgnoresIsPassedOver) {
  constexpr uint16_t kSettings = 4;
  constexpr uint16_t kWindowUpdate = 9;
  constexpr uint16_t kUnknown = 77;
  std::string bytes = SpdyClientFrames::Control(kSettings, std::string(100'000, 'x')) +
                      SpdyClientFrames::Control(kWindowUpdate, std::string(8, '\0')) +
                      SpdyClientFrames::Control(kUnknown, "") + SpdyClientFrames::Ping(7);
  Recorder recorder;
  ASSERT_TRUE(SpdyReader(recorder).Consume(bytes));
  EXPECT_THAT(recorder.told, ElementsAre("ping 7"));
}

TEST(Spdy, AHeaderBlockThatInflatesTooFarIsRefused) {
  std::string bomb = Number(1) + Number(1) + "x" + Number(50'000'000) + std::string(50'000'000, 'y');
  std::string block = Deflate(bomb);
  ASSERT_LT(block.size(), 65'536U) << "no bomb: a frame takes no more";
  EXPECT_THAT(ErrorOf(OpenFrame(block)), HasSubstr("inflate to more than"));
}

TEST(Spdy, AFloodOfHeadersIsRefused) {
  std::string flood = Number(1'000);
  for (uint32_t i = 0; i < 1'000; ++i) flood += Number(4) + Number(i) + Number(0);
  EXPECT_THAT(ErrorOf(OpenFrame(Deflate(flood))), HasSubstr("too many headers"));
}

TEST(Spdy, MalformedHeadersAreRefused) {
  EXPECT_THAT(ErrorOf(OpenFrame("no zlib at all")), HasSubstr("SPDY headers"));
  EXPECT_THAT(ErrorOf(OpenFrame("")), HasSubstr("SPDY headers"));
  EXPECT_THAT(ErrorOf(OpenFrame(Deflate(Number(1)))), HasSubstr("within a number"));
  EXPECT_THAT(ErrorOf(OpenFrame(Deflate(Number(1) + Number(0xffffffff) + "x"))), HasSubstr("within a name"));
  EXPECT_THAT(ErrorOf(OpenFrame(Deflate(Number(0) + "rest"))), HasSubstr("follow the last"));
  std::string twice = Number(2);
  for (int i = 0; i < 2; ++i) twice += Number(1) + "a" + Number(1) + "b";
  EXPECT_THAT(ErrorOf(OpenFrame(Deflate(twice))), HasSubstr("twice"));
}

TEST(Spdy, MalformedFramesAreRefused) {
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Data(0, "x")), HasSubstr("stream 0"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(6, Number(1), 0, /*version=*/2)), HasSubstr("version 3"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(6, "123")), HasSubstr("PING"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(3, "1234")), HasSubstr("RST_STREAM"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(7, "1234")), HasSubstr("GOAWAY"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(1, "123456789")), HasSubstr("too short"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(1, std::string(70'000, 'x'))), HasSubstr("too long"));
  EXPECT_THAT(ErrorOf(SpdyClientFrames::Control(2, std::string(8, 'x'))), HasSubstr("SYN_REPLY"));
}

TEST(Spdy, OurHeaderBlocksCanBeRead) {
  SpdyHeaderWriter writer;
  SpdyHeaderReader reader;
  for (const SpdyHeaders& headers :
       {SpdyHeaders{}, SpdyHeaders{{"a", "1"}}, SpdyHeaders{{"a", "1"}, {"b", ""}}}) {
    Result<SpdyHeaders> back = reader.Read(writer.Write(headers));
    ASSERT_TRUE(back) << back.error().ToString();
    EXPECT_EQ(*back, headers);
  }
}

}  // namespace
}  // namespace davit::streaming
