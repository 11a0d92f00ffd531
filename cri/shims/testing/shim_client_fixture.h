// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A ShimClient whose shim the test plays.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/spawn.h"
#include "base/time.h"
#include "cri/shims/shim_client.h"

namespace davit::cri {

constexpr int kPatienceMs = 30'000;

inline int64_t Soon() {
  return MonotonicMilliseconds() + kPatienceMs;
}

// What came of one event, for a thread that waits for it.
template <typename T>
class Inbox {
 public:
  void Put(T value) {
    MutexLock lock(mutex_);
    values_.push_back(std::move(value));
    changed_.NotifyAll();
  }
  std::optional<T> Take() {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    MutexLock lock(mutex_);
    while (values_.empty() && changed_.WaitUntil(mutex_, deadline)) {
    }
    if (values_.empty()) {
      ADD_FAILURE() << "nothing comes";
      return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  // Without waiting.
  std::optional<T> Peek() {
    MutexLock lock(mutex_);
    return values_.empty() ? std::nullopt : std::optional(values_.front());
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<T> values_ GUARDED_BY(mutex_);
};

// The shim is a process that sleeps, and its socket is here. Each connection that the daemon makes shows up
// in `connections_`.
class ShimClientTest : public ::testing::Test {
 protected:
  ShimClientTest() {
    process_ = *Spawn({.program = "/bin/sleep", .args = {"sleep", "1000"}, .env = {}, .fds = {}});
    reactor_ = *Reactor::Start();
  }
  ~ShimClientTest() override {
    if (client_) client_->Close();
    (void)process_.pidfd.Signal(SIGKILL);
    waitpid(process_.pid, nullptr, 0);
  }

  ShimLink::Connect Connector() {
    return [this]() -> Result<UniqueFd> {
      if (refuses_) {
        refused_.Put(true);
        return Fail(Code::kUnavailable, "connect", "shim", "nobody listens for now");
      }
      auto [ours, theirs] = TRY(FramePair());
      connections_.Put(std::make_shared<UniqueFd>(std::move(theirs)));
      return std::move(ours);
    };
  }
  ShimEvents Events() {
    ShimEvents events;
    events.container_exited = [this](const shim::ContainerExited& exited) { exits_.Put(exited); };
    events.exec_exited = [](const shim::ExecExited&) { throw std::bad_alloc(); };
    events.sandbox_failed = [this](const std::string& reason) { failures_.Put(reason); };
    events.begin_meeting = [this] {
      ++meetings_;
      return [this](ShimState state) { met_.Put(std::make_shared<ShimState>(std::move(state))); };
    };
    events.not_understood = [this](const Error& error) { not_understood_.Put(error); };
    events.died = [this] { died_.Put(true); };
    return events;
  }

  void Open(ShimClient::First first) {
    ShimLink::Connect connect = Connector();
    client_ =
        ShimClient::Open(*reactor_, "pod", *connect(), *PidFd::Open(process_.pid), connect, Events(), first);
    Accept();
  }

  // The next connection of the daemon's takes the place of the last one.
  void Accept() {
    auto connection = connections_.Take();
    ASSERT_TRUE(connection);
    shim_ = std::move(**connection);
  }

  Frame Receive() {
    pollfd readable{shim_.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "the daemon sends nothing";
      return {};
    }
    auto frame = ReceiveFrame(shim_.get());
    EXPECT_TRUE(frame) << frame.error().ToString();
    return frame ? std::move(*frame) : Frame();
  }
  Frame Expect(shim::ShimMessage type) {
    Frame frame = Receive();
    EXPECT_EQ(frame.type, static_cast<uint32_t>(type));
    return frame;
  }
  void Send(shim::ShimMessage type, uint32_t request_id, const std::string& payload,
            std::vector<RoleFd> fds = {}) {
    auto sent = SendFrame(shim_.get(), static_cast<uint32_t>(type), request_id, payload, fds);
    EXPECT_TRUE(sent) << sent.error().ToString();
  }
  void SendBytes(const std::string& bytes) {
    EXPECT_EQ(send(shim_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  void AnswerHello(const shim::HelloReply& reply, std::vector<RoleFd> fds = {}) {
    Send(shim::ShimMessage::kHelloReply, Expect(shim::ShimMessage::kHello).request_id, Encode(reply),
         std::move(fds));
  }
  // As a stopped shim leaves it.
  void FillSocket() {
    Result<> sent;
    while (sent) sent = client_->HandExec({}, MonotonicMilliseconds());
    EXPECT_EQ(sent.error().code, Code::kDeadlineExceeded);
  }
  // Hands over commands on many threads at once, none of which succeeds.
  std::vector<std::string> ErrorsOfManyCommands() {
    std::vector<std::future<Result<>>> commands;
    for (int i = 0; i < 16; ++i) {
      commands.push_back(std::async(std::launch::async, [this] { return client_->HandExec({}, Soon()); }));
    }
    std::vector<std::string> errors;
    for (auto& command : commands) {
      Result<> handed = command.get();
      EXPECT_EQ(handed.error().code, Code::kUnavailable);
      errors.push_back(handed.error().ToString());
    }
    return errors;
  }
  static shim::HelloReply Plain() {
    shim::HelloReply reply;
    reply.shim = shim::kOwnVersions;
    reply.sandbox_started = true;
    return reply;
  }
  static shim::LiveContainer Live(const std::string& id) { return {id, 1, 0, 0, 0, {}}; }

  ChildProcess process_;
  std::unique_ptr<Reactor> reactor_;
  std::atomic<bool> refuses_ = false;
  Inbox<bool> refused_;
  Inbox<std::shared_ptr<UniqueFd>> connections_;
  UniqueFd shim_;
  Inbox<shim::ContainerExited> exits_;
  Inbox<std::string> failures_;
  std::atomic<int> meetings_ = 0;  // begun
  Inbox<std::shared_ptr<ShimState>> met_;
  Inbox<Error> not_understood_;
  Inbox<bool> died_;
  std::shared_ptr<ShimClient> client_;
};

}  // namespace davit::cri
