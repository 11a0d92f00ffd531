// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/port_forward.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "streaming/spdy_frames.h"
#include "streaming/testing/client_frames.h"
#include "streaming/testing/stream_server_fixture.h"

namespace davit::streaming {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A port of loopback, as the pod's would be.
class PortForwardTest : public StreamServerTest {
 protected:
  PortForwardTest() {
    listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(getsockname(listener_.get(), generic, &size), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  UniqueFd Accept() {
    EXPECT_TRUE(Await(listener_.get(), POLLIN));
    return UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  UniqueFd listener_;
  std::string port_;
};

TEST_F(PortForwardTest, EachSideMayEndItsDirectionFirst) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  client.Send(frames.Open(1, {{"streamtype", "error"}, {"port", port_}, {"requestid", "0"}}, /*fin=*/true));
  client.Send(frames.Open(3, {{"streamtype", "data"}, {"port", port_}, {"requestid", "0"}}) +
              frames.Data(3, "question", /*fin=*/true));
  UniqueFd program = Accept();
  EXPECT_EQ(ReadSome(program.get()), "question");
  EXPECT_TRUE(HasEnded(program.get()));
  ASSERT_EQ(write(program.get(), "answer", 6), 6);
  program.Reset();
  std::string answer;
  bool data_ended = false;
  bool error_ended = false;
  while (!data_ended || !error_ended) {
    Client::SpdyFrame frame = client.ReadSpdy();
    ASSERT_GE(frame.type, 0);
    if (frame.type != 0) continue;
    if (frame.stream == 3) answer += frame.payload;
    (frame.stream == 3 ? data_ended : error_ended) |= frame.fin;
  }
  EXPECT_EQ(answer, "answer");
}

TEST_F(PortForwardTest, ARefusedConnectionIsReportedAndOthersGoOn) {
  std::string closed_port = port_;
  listener_.Reset();
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  for (uint32_t request : {0u, 1u}) {
    std::string id = std::to_string(request);
    for (const char* type : {"error", "data"}) {
      uint32_t stream = request * 4 + (type == std::string_view("data") ? 3 : 1);
      client.Send(frames.Open(stream, {{"streamtype", type}, {"port", closed_port}, {"requestid", id}}));
    }
    Client::SpdyFrame frame;
    do frame = client.ReadSpdy();
    while (frame.type > 0 || (frame.type == 0 && frame.payload.empty()));
    EXPECT_EQ(frame.stream, request * 4 + 1);
    EXPECT_THAT(frame.payload, HasSubstr("Connection refused"));
  }
}

TEST_F(PortForwardTest, WithoutAValidPortAChannelIsRefused) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  constexpr int kReset = 3;
  uint32_t stream = 1;
  for (const char* port : {"", "0", "65536", "80x", "-1"}) {
    client.Send(frames.Open(stream, {{"streamtype", "data"}, {"port", port}}));
    Client::SpdyFrame frame;
    do frame = client.ReadSpdy();
    while (frame.type != kReset && frame.type >= 0);
    EXPECT_EQ(frame.stream, stream) << port;
    stream += 2;
  }
}

TEST_F(PortForwardTest, WhatIsResetBeforeItBeganIsForgotten) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  uint32_t stream = 1;
  for (const char* type : {"error", "data", "error", "data"}) {
    client.Send(frames.Open(stream, {{"streamtype", type}, {"port", port_}, {"requestid", "0"}}));
    if (stream < 5) client.Send(SpdyResetFrame(stream, SpdyReset::kCancel));
    stream += 2;
  }
  client.Send(frames.Data(7, "question"));
  EXPECT_EQ(ReadSome(Accept().get()), "question");
}

TEST_F(PortForwardTest, AForwardWithTheIdOfOneThatWasResetConnectsOnce) {
  targets_.hold_sockets = true;
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  uint32_t stream = 1;
  for (const char* type : {"error", "data", "error", "data"}) {
    client.Send(frames.Open(stream, {{"streamtype", type}, {"port", port_}, {"requestid", "0"}}));
    if (stream == 3) client.Send(SpdyResetFrame(stream, SpdyReset::kCancel));
    stream += 2;
  }
  ASSERT_TRUE(targets_.FinishSockets(2));
  UniqueFd program = Accept();
  client.Send(frames.Data(7, "question"));
  EXPECT_EQ(ReadSome(program.get()), "question");
  pollfd another{listener_.get(), POLLIN, 0};
  EXPECT_EQ(poll(&another, 1, 0), 0) << "a second connection";
}

TEST_F(PortForwardTest, OverWebSocketEachChannelBeginsWithItsPort) {
  auto port = static_cast<uint16_t>(std::stoi(port_));
  Client client = Connect(ForwardOrder{"sandbox", {port}});
  EXPECT_THAT(client.AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  std::string number{static_cast<char>(port), static_cast<char>(port >> 8)};
  EXPECT_EQ(client.ReadMessage(), std::string(1, '\0') + number);
  EXPECT_EQ(client.ReadMessage(), "\1" + number);
  UniqueFd program = Accept();
  client.Send(WebSocketClientFrame(2, std::string("\0question", 9)));
  EXPECT_EQ(ReadSome(program.get()), "question");
  ASSERT_EQ(write(program.get(), "answer", 6), 6);
  program.Reset();
  EXPECT_EQ(client.ReadMessages()['\0'], "answer");
}

}  // namespace
}  // namespace davit::streaming
