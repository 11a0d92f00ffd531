// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Execs, and what holds for the clients of every order. attach_test.cc and port_forward_test.cc test the
// other orders.
#include "streaming/server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/time.h"
#include "streaming/testing/client_frames.h"
#include "streaming/testing/stream_server_fixture.h"

namespace davit::streaming {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(StreamServerTest, ExecOverWebSocketCarriesEveryStreamAndTheExitCode) {
  Client client = BeginExec();
  client.Send(WebSocketClientFrame(2, std::string("\0input", 6)));
  EXPECT_EQ(ReadSome(targets_.in.get()), "input");
  client.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  WriteOut("output");
  ASSERT_EQ(write(targets_.err.get(), "error", 5), 5);
  EndProcess(3);
  std::map<char, std::string> channels = client.ReadMessages();
  EXPECT_EQ(channels[1], "output");
  EXPECT_EQ(channels[2], "error");
  EXPECT_THAT(channels[3], HasSubstr(R"("message":"3","reason":"ExitCode")"));
}

TEST_F(StreamServerTest, Base64IsDecodedAndEncoded) {
  Client client = Connect(Exec({true, true, false, false}));
  EXPECT_THAT(client.AskWebSocket("base64.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  client.Send(WebSocketClientFrame(1, "0" + EncodeBase64("any input"), /*final=*/true));
  EXPECT_EQ(ReadSome(targets_.in.get()), "any input");
  WriteOut("output");
  EndProcess(0);
  EXPECT_EQ(client.ReadMessages()['1'], EncodeBase64("output"));
}

TEST_F(StreamServerTest, ExecOverSpdyCarriesEveryStreamAndTheExitCode) {
  Client client = Connect(Exec({true, true, false, false}));
  EXPECT_THAT(client.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  client.Send(frames.Open(1, {{"streamtype", "error"}}));
  client.Send(frames.Open(3, {{"streamtype", "stdin"}}));
  client.Send(frames.Open(5, {{"streamtype", "stdout"}}) + frames.Ping(1));
  ASSERT_TRUE(targets_.AwaitStart());
  client.Send(frames.Data(3, "input", /*fin=*/true));
  EXPECT_EQ(ReadSome(targets_.in.get()), "input");
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  WriteOut("output");
  EndProcess(0);
  constexpr int kReply = 2;
  constexpr int kPing = 6;
  for (uint32_t stream : {1u, 3u, 5u}) {
    Client::SpdyFrame reply = client.ReadSpdy();
    EXPECT_EQ(reply.type, kReply);
    EXPECT_EQ(reply.stream, stream);
  }
  EXPECT_EQ(client.ReadSpdy().type, kPing);
  std::map<uint32_t, std::string> streams = client.ReadStreams();
  EXPECT_EQ(streams[5], "output");
  EXPECT_EQ(streams[1], kSuccess);
}

TEST_F(StreamServerTest, ARequestMayComeByteByByte) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  std::string headers =
      "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n";
  EXPECT_THAT(client.Ask("POST", headers, /*piece=*/1), StartsWith("HTTP/1.1 101 "));
}

TEST_F(StreamServerTest, AWrongAUsedAndAMisplacedTokenAreNotFound) {
  std::string url = *server_->Issue(Exec({false, true, false, false}));
  EXPECT_THAT(Client(url + "0").AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Client(url).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(Client(url).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  std::string other = *server_->Issue(Exec({false, true, false, false}));
  other.replace(other.find("exec"), 4, "attach");
  EXPECT_THAT(Client(other).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Client(url).Ask("BREW", "\x01\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(StreamServerTest, AClientThatIsGoneEndsTheStreamsOfItsProcess) {
  Client client = BeginExec();
  client.Close();
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  EXPECT_TRUE(Await(targets_.out.get(), 0)) << "nobody reads the output any more: POLLERR";
  EXPECT_EQ(write(targets_.out.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(StreamServerTest, WhatAGrandchildWritesAfterTheCommandsEndHoldsNobody) {
  Client client = BeginExec();
  WriteOut("output");
  targets_.err.Reset();
  targets_.Exit(0);  // and out stays open
  std::map<char, std::string> channels = client.ReadMessages();
  EXPECT_EQ(channels[1], "output");
  EXPECT_EQ(channels[3], kSuccess);
}

TEST_F(StreamServerTest, ASlowClientMakesTheProcessWaitAndLosesNothing) {
  Client client = BeginExec();
  const std::string chunk(64 << 10, 'x');
  size_t written = 0;
  // Until the pipe, the server and both sockets are full; a server without bounds would never be.
  constexpr size_t kFarTooMuch = 256 << 20;
  pollfd out{targets_.out.get(), POLLOUT, 0};
  while (written < kFarTooMuch && poll(&out, 1, 1000) == 1) {
    ssize_t n = write(targets_.out.get(), chunk.data(), chunk.size());
    if (n > 0) written += static_cast<size_t>(n);
  }
  EXPECT_LT(written, kFarTooMuch);
  EndProcess(0);
  EXPECT_EQ(client.ReadMessages()[1].size(), written);
}

TEST_F(StreamServerTest, InputThatNobodyReadsMakesTheClientWait) {
  Client client = BeginExec();
  std::string message = WebSocketClientFrame(2, std::string(1 << 20, '\0'));
  size_t sent = 0;
  constexpr size_t kFarTooMuch = 256 << 20;
  while (sent < kFarTooMuch && client.SendWithin(message, 1)) sent += message.size();
  EXPECT_LT(sent, kFarTooMuch);
}

TEST_F(StreamServerTest, AMalformedMessageEndsThatClientOnly) {
  Client good = BeginExec();
  Client bad = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(bad.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  bad.Send(SpdyClientFrames::Control(1, std::string(100, 'x')));
  EXPECT_EQ(bad.Read(1), "");
  EndProcess(0);
  EXPECT_EQ(good.ReadMessages()[3], kSuccess);
}

TEST_F(StreamServerTest, AClientThatNeverOpensItsChannelsIsLeft) {
  Start({.creation_timeout_ms = 100});
  Client silent = Connect(Exec({false, true, false, false}));
  EXPECT_TRUE(silent.IsLeft());
  Client half = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(half.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  half.Send(frames.Open(1, {{"streamtype", "error"}}));
  EXPECT_THAT(half.ReadStreams()[1], HasSubstr("did not open its channels in time"));
}

TEST_F(StreamServerTest, AnIdleStreamIsEnded) {
  Start({.idle_timeout_ms = 100});
  Client client = BeginExec();
  EXPECT_EQ(client.Read(1), "");
  EXPECT_TRUE(HasEnded(targets_.in.get()));
}

TEST_F(StreamServerTest, ThousandsOfClientsLeaveNoDescriptorBehind) {
  auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  AttachOrder order{"container", {true, true, true, false}};
  auto visit = [&] {
    Client client = Connect(order);
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  };
  visit();
  ASSERT_TRUE(targets_.AwaitStart());
  auto before = descriptors();
  for (int i = 0; i < 2000; ++i) visit();
  // The last ones are on their way.
  int64_t deadline = MonotonicMilliseconds() + kPatienceMs;
  while (descriptors() > before && MonotonicMilliseconds() < deadline) std::this_thread::yield();
  EXPECT_LE(descriptors(), before);
}

// So many descriptors as the test needs for both ends.
void AllowDescriptors(rlim_t count) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(count, limit.rlim_max));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(StreamServerTest, Rule22AThousandIdleConnectionsKeepOutNobodyWithAToken) {
  AllowDescriptors(4096);
  std::string nowhere = *server_->Issue(Exec({false, true, false, false}));
  Client running = BeginExec();
  std::vector<Client> idle;
  for (int i = 0; i < 1000; ++i) idle.emplace_back(nowhere);
  WriteOut("undisturbed");
  EXPECT_EQ(running.ReadMessage(), "\1undisturbed");
  Client late = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(late.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  EXPECT_TRUE(idle.front().IsLeft()) << "the oldest makes room";
}

TEST_F(StreamServerTest, AClientThatDoesNotSendItsRequestInTimeIsLeft) {
  Start({.request_timeout_ms = 100});
  Client slow = Connect(Exec({false, true, false, false}));
  slow.Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(slow.IsLeft());
}

TEST_F(StreamServerTest, AnExceptionEndsTheStreamThatItCameFromAndNoOther) {
  Client good = BeginExec();
  targets_.attach_throws = true;
  Client bad = Connect(AttachOrder{"container", {false, true, false, false}});
  bad.AskWebSocket("v5.channel.k8s.io");
  EXPECT_EQ(bad.ReadMessage(), "\1") << "the greeting";
  EXPECT_EQ(bad.ReadMessage(), "");
  WriteOut("still served");
  EXPECT_EQ(good.ReadMessage(), "\1still served");
  EndProcess(0);
}

}  // namespace
}  // namespace davit::streaming
