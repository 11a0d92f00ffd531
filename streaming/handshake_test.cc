// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/handshake.h"

#include <gmock/gmock.h>

namespace davit::streaming {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const StreamOrder kExec = ExecOrder{"container", {"true"}, {}};
const StreamOrder kForward = ForwardOrder{"sandbox", {}};

HttpRequest Parse(const std::string& headers, const std::string& method = "GET") {
  std::string text = method + " /exec/token HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
  return (*ParseHttpRequest(text))->request;
}
HttpRequest Spdy(const std::string& versions) {
  return Parse("Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" + versions, "POST");
}
HttpRequest WebSocket(const std::string& protocols) {
  return Parse(
      "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      protocols);
}

TEST(HttpRequest, IsReadInPiecesAndLeavesWhatFollows) {
  std::string text = "GET /attach/abc?x=1 HTTP/1.1\r\nA: 1, 2\r\na: 3\r\n\r\nrest";
  for (size_t size = 0; size < text.size() - 4; ++size) {
    Result<std::optional<ParsedRequest>> part = ParseHttpRequest(text.substr(0, size));
    ASSERT_TRUE(part) << size;
    ASSERT_FALSE(*part) << size;
  }
  ParsedRequest parsed = **ParseHttpRequest(text);
  EXPECT_EQ(text.substr(parsed.head_bytes), "rest");
  EXPECT_EQ(parsed.request.target, "/attach/abc?x=1");
  EXPECT_THAT(parsed.request.List("A"), ElementsAre("1", "2", "3"));
}

TEST(HttpRequest, IsParsedOnlyWhenItMayBeComplete) {
  std::string text = "GET / HTTP/1.1\r\nA: 1\r\n\r\n";
  for (size_t size = 1; size < text.size(); ++size)
    EXPECT_FALSE(MayCompleteHead(text.substr(0, size), /*added=*/1)) << size;
  for (size_t added : {size_t{1}, size_t{3}, size_t{5}, text.size()})
    EXPECT_TRUE(MayCompleteHead(text, added)) << added;
  EXPECT_FALSE(MayCompleteHead(text + "more", 1)) << "it was complete before";
  EXPECT_TRUE(MayCompleteHead(std::string(16 << 10, 'x'), 1)) << "too long";
}

TEST(HttpRequest, WhatIsNoRequestOrTooLongIsRefused) {
  EXPECT_FALSE(ParseHttpRequest("\x80\x03\x00\x01 no HTTP\r\n\r\n"));
  EXPECT_FALSE(ParseHttpRequest("GET / HTTP/1.1\r\nA: " + std::string(16'384, 'x')));
  Result<std::optional<ParsedRequest>> long_one =
      ParseHttpRequest("GET / HTTP/1.1\r\nA: " + std::string(16'000, 'x') + "\r\n\r\n");
  ASSERT_TRUE(long_one) << long_one.error().ToString();
  EXPECT_TRUE(long_one->has_value());
}

TEST(Handshake, TakesTheClientsFirstProtocolThatIsKnown) {
  auto chosen = Negotiate(Spdy("X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"
                               "X-Stream-Protocol-Version: v4.channel.k8s.io, v3.channel.k8s.io\r\n"),
                          kExec);
  ASSERT_TRUE(chosen) << chosen.error();
  EXPECT_EQ(chosen->framing, Framing::kSpdy);
  EXPECT_EQ(chosen->version, 4);
  EXPECT_THAT(chosen->response, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(chosen->response, HasSubstr("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
}

TEST(Handshake, KnowsEveryWebSocketProtocol) {
  struct Case {
    const StreamOrder& order;
    std::string name;
    Framing framing;
    int version;
  };
  for (const Case& c : {Case{kExec, "v5.channel.k8s.io", Framing::kWebSocket, 5},
                        Case{kExec, "v4.channel.k8s.io", Framing::kWebSocket, 4},
                        Case{kExec, "v4.base64.channel.k8s.io", Framing::kWebSocketBase64, 4},
                        Case{kExec, "channel.k8s.io", Framing::kWebSocket, 1},
                        Case{kExec, "base64.channel.k8s.io", Framing::kWebSocketBase64, 1},
                        Case{kForward, "v4.channel.k8s.io", Framing::kWebSocket, 4},
                        Case{kForward, "SPDY/3.1+portforward.k8s.io", Framing::kSpdyInWebSocket, 0}}) {
    auto chosen = Negotiate(WebSocket("Sec-WebSocket-Protocol: " + c.name + "\r\n"), c.order);
    ASSERT_TRUE(chosen) << c.name << chosen.error();
    EXPECT_EQ(chosen->framing, c.framing) << c.name;
    EXPECT_EQ(chosen->version, c.version) << c.name;
    EXPECT_THAT(chosen->response, HasSubstr("Sec-WebSocket-Protocol: " + c.name + "\r\n"));
  }
  EXPECT_EQ(Negotiate(WebSocket(""), kExec)->version, 1);
}

TEST(Handshake, RefusesWithTheReason) {
  EXPECT_THAT(Negotiate(Parse(""), kExec).error(), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Negotiate(Spdy(""), kExec).error(), StartsWith("HTTP/1.1 400 "));
  std::string refused = Negotiate(Spdy("X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"), kExec).error();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(refused, HasSubstr("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"));
  EXPECT_THAT(Negotiate(Spdy("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"), kForward).error(),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Negotiate(WebSocket("Sec-WebSocket-Protocol: chat\r\n"), kExec).error(),
              StartsWith("HTTP/1.1 403 "));
}

}  // namespace
}  // namespace davit::streaming
