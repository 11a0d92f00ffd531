// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Attaches to a container: how they end, and what becomes of its input.
#include <gmock/gmock.h>
#include <sys/eventfd.h>

#include <map>
#include <string>

#include "streaming/testing/client_frames.h"
#include "streaming/testing/stream_server_fixture.h"

namespace davit::streaming {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(StreamServerTest, AnAttachEndsWithTheClientsInputUnlessTheContainerIsToSeeThatEnd) {
  AttachOrder order{"container", {true, true, false, false}};
  Client leaving = Connect(order);
  EXPECT_THAT(leaving.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  leaving.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  EXPECT_EQ(leaving.ReadMessages()[3], kSuccess);
  EXPECT_FALSE(targets_.input_closed);

  targets_.close_input_at_end = true;
  Client staying = Connect(order);
  EXPECT_THAT(staying.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  staying.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  ASSERT_TRUE(targets_.AwaitInputClosed());
  WriteOut("the container's answer");
  targets_.out.Reset();
  std::map<char, std::string> channels = staying.ReadMessages();
  EXPECT_EQ(channels[1], "the container's answer");
  EXPECT_EQ(channels[3], kSuccess);
}

// A container with stdin_once.
class InputOfFirstClientTest : public StreamServerTest {
 protected:
  InputOfFirstClientTest() { targets_.close_input_at_end = true; }

  Client Attach() {
    Client client = Connect(AttachOrder{"container", {true, true, false, false}});
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
    EXPECT_TRUE(targets_.AwaitStart());
    return client;
  }
  // Until the streams are the session's: what the process writes arrives.
  void AwaitStreams(Client& client) {
    EXPECT_EQ(client.ReadMessage(), "\1") << "the greeting";
    WriteOut("ready");
    EXPECT_EQ(client.ReadMessage(), "\1ready");
  }
};

TEST_F(InputOfFirstClientTest, EndsWithAPlainDisconnect) {
  Client client = Attach();
  AwaitStreams(client);
  client.Close();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWhenTheClientIsCutOff) {
  Client client = Attach();
  AwaitStreams(client);
  ASSERT_EQ(eventfd_write(targets_.cut_off.get(), 1), 0);
  targets_.out.Reset();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWhenTheClientGoesBeforeItHasTheStreams) {
  targets_.hold_attach = true;
  Attach().Close();
  // Later clients are served, so the first one's end has been seen.
  for (int i = 0; i < 2; ++i) Client(*server_->Issue(Exec({})) + "0").AskWebSocket("v5.channel.k8s.io");
  targets_.FinishAttach();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWithTheServer) {
  Client client = Attach();
  AwaitStreams(client);
  server_.reset();
  EXPECT_TRUE(targets_.input_closed);
}

TEST_F(StreamServerTest, AnAttachedClientIsToldThatItWasCutOff) {
  Client client = Connect(AttachOrder{"container", {false, true, false, false}});
  EXPECT_THAT(client.AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  ASSERT_EQ(eventfd_write(targets_.cut_off.get(), 1), 0);
  targets_.out.Reset();
  EXPECT_THAT(client.ReadMessages()[3], HasSubstr("reads too slowly"));
}

}  // namespace
}  // namespace davit::streaming
