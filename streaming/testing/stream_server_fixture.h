// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture: a stream server on loopback, for one process that the test plays.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "streaming/order.h"
#include "streaming/server.h"
#include "streaming/testing/client_frames.h"
#include "streaming/testing/fake_targets.h"
#include "streaming/testing/pipes.h"
#include "streaming/testing/stream_client.h"

namespace davit::streaming {

class StreamServerTest : public ::testing::Test {
 protected:
  static constexpr char kSuccess[] = R"({"status":"Success"})";

  StreamServerTest() {
    signal(SIGPIPE, SIG_IGN);
    Start({});
  }

  // Starts a server with these options in place of the current one.
  void Start(const StreamServerOptions& options) {
    auto started = StreamServer::Start(options, targets_, log_);
    ASSERT_TRUE(started) << started.error().ToString();
    server_ = std::move(*started);
  }
  // Issues a URL for the order and connects to it.
  Client Connect(StreamOrder order) { return Client(*server_->Issue(std::move(order))); }
  static ExecOrder Exec(StreamSet streams) { return {"container", {"command"}, streams}; }
  // A WebSocket client of an exec with all three streams that has begun.
  Client BeginExec() {
    Client client = Connect(Exec({true, true, true, false}));
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), ::testing::StartsWith("HTTP/1.1 101 "));
    EXPECT_EQ(client.ReadMessage(), "\1") << "the greeting";
    EXPECT_TRUE(targets_.AwaitStart());
    return client;
  }
  // Writes to the standard output of the process.
  void WriteOut(const std::string& text) {
    EXPECT_EQ(write(targets_.out.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Closes the outputs of the process and reports its exit.
  void EndProcess(int code) {
    targets_.out.Reset();
    targets_.err.Reset();
    targets_.Exit(code);
  }

  Logger log_{STDERR_FILENO, LogLevel::kError};
  FakeTargets targets_;
  std::unique_ptr<StreamServer> server_;
};

}  // namespace davit::streaming
