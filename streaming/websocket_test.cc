// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>

#include "streaming/testing/client_frames.h"
#include "streaming/websocket_frames.h"

namespace davit::streaming {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint8_t kContinuation = 0;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPing = 9;

class Recorder final : public WebSocketFrames {
 public:
  void OnMessagePiece(std::string_view piece, bool begins, bool ends) override {
    if (begins) message.clear();
    message += piece;
    if (ends) told.push_back("message " + message);
  }
  void OnPing(std::string_view payload) override { told.push_back("ping " + std::string(payload)); }
  void OnClose() override { told.push_back("close"); }

  std::string message;
  std::vector<std::string> told;
};

std::string ErrorOf(std::string bytes) {
  Recorder recorder;
  Result<> read = WebSocketReader(recorder).Consume(bytes);
  return read ? "" : read.error().ToString();
}

TEST(WebSocket, FramesAreTheSameInOnePieceAndByteByByte) {
  std::string bytes =
      WebSocketClientFrame(kBinary, "one") + WebSocketClientFrame(kText, "tw", false) +
      WebSocketClientFrame(kPing, "between") + WebSocketClientFrame(kContinuation, "", false) +
      WebSocketClientFrame(kContinuation, "o") + WebSocketClientFrame(kBinary, "") +
      WebSocketClientFrame(kBinary, std::string(70'000, 'x')) + WebSocketClientFrame(kClose, "") + "ignored";
  std::string again = bytes;
  Recorder whole;
  ASSERT_TRUE(WebSocketReader(whole).Consume(bytes));
  Recorder bytewise;
  WebSocketReader reader(bytewise);
  for (char& byte : again) ASSERT_TRUE(reader.Consume({&byte, 1}));
  EXPECT_THAT(whole.told, ElementsAre("message one", "ping between", "message two", "message ",
                                      "message " + std::string(70'000, 'x'), "close"));
  EXPECT_EQ(bytewise.told, whole.told);
}

TEST(WebSocket, MalformedFramesAreRefused) {
  std::string unmasked = WebSocketHeader(WebSocketOpcode::kBinary, 6) + "123456";
  EXPECT_THAT(ErrorOf(unmasked), HasSubstr("masked"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(3, "x")), HasSubstr("opcode"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(kBinary | 0x40, "x")), HasSubstr("reserved"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(kPing, "x", false)), HasSubstr("control frame"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(kPing, std::string(126, 'x'))), HasSubstr("control frame"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(kContinuation, "x")), HasSubstr("out of order"));
  EXPECT_THAT(ErrorOf(WebSocketClientFrame(kBinary, "x", false) + WebSocketClientFrame(kBinary, "y")),
              HasSubstr("out of order"));
  EXPECT_THAT(ErrorOf(std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff") + "mask"), HasSubstr("length"));
}

TEST(WebSocket, TheHandshakeIsTheOneOfTheRfc) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

}  // namespace
}  // namespace davit::streaming
