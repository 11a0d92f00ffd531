// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/node_shims.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>
#include <future>

#include "base/codec.h"
#include "base/frame.h"
#include "base/ids.h"
#include "base/spawn.h"
#include "cri/shims/shim_client.h"

namespace davit::cri {
namespace {

constexpr int kPatienceMs = 30'000;

// A shim's process, which sleeps, and its listening socket, which the test serves.
class NodeShimsTest : public ::testing::Test {
 protected:
  NodeShimsTest() {
    char path[] = "/tmp/davit-node-shims-XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    state_ = path;
    process_ = *Spawn({.program = "/bin/sleep", .args = {"sleep", "1000"}, .env = {}, .fds = {}});
    reactor_ = *Reactor::Start();
    launcher_ = *ShimLauncher::Create("/bin/true", state_, STDERR_FILENO, Spawn);
    shims_.emplace(*launcher_, *reactor_);
    Listen();
  }
  ~NodeShimsTest() override {
    if (shim_) shim_->Close();
    shims_.reset();
    (void)process_.pidfd.Signal(SIGKILL);
    waitpid(process_.pid, nullptr, 0);
    std::filesystem::remove_all(state_);
  }

  void Listen() {
    listener_.Reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (state_ + "/shims/" + id_).copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_.get(), 0), 0);
  }
  // As earlier daemons leave it, which connected to a stopped shim and ended.
  void FillBacklog() {
    while (launcher_->Connect(id_, ShimLauncher::Patience::kNone)) {
    }
  }
  UniqueFd Accept() const {
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) != 1) return UniqueFd();
    return UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  std::string state_;
  const std::string id_ = *NewId();
  ChildProcess process_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<ShimLauncher> launcher_;
  std::optional<NodeShims> shims_;
  UniqueFd listener_;
  ShimPtr shim_;
};

TEST_F(NodeShimsTest, AStoppedShimWithAFullBacklogIsMetWhenItGoesOn) {
  FillBacklog();
  std::promise<void> met;
  ShimEvents events;
  events.container_exited = [](const shim::ContainerExited&) {};
  events.exec_exited = [](const shim::ExecExited&) {};
  events.begin_meeting = [&met] { return [&met](const ShimState&) { met.set_value(); }; };
  events.sandbox_failed = [](const std::string&) {};
  events.died = [] {};
  auto shim = shims_->Meet(id_, *IdentifyProcess(process_.pid), events);
  ASSERT_TRUE(shim) << shim.error().ToString();
  shim_ = *shim;

  for (bool answered = false; !answered;) {
    UniqueFd connection = Accept();
    ASSERT_TRUE(connection) << "the daemon connects no more";
    auto hello = ReceiveFrame(connection.get());
    if (!hello) continue;  // of an earlier daemon
    shim::HelloReply reply;
    reply.shim = shim::kOwnVersions;
    ASSERT_TRUE(SendFrame(connection.get(), static_cast<uint32_t>(shim::ShimMessage::kHelloReply),
                          hello->request_id, Encode(reply)));
    answered = met.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    ASSERT_TRUE(answered);
  }
}

TEST_F(NodeShimsTest, AShimWhoseProcessIsGoneIsNotFound) {
  ProcessIdentity identity = *IdentifyProcess(process_.pid);
  ++identity.start_time;
  EXPECT_EQ(shims_->Meet(id_, identity, {}).error().code, Code::kNotFound);
}

TEST_F(NodeShimsTest, AShimThatWasNotRecordedIsLeftAloneUntilItIsToEnd) {
  EXPECT_EQ(shims_->Meet(id_, {}, {}).error().code, Code::kFailedPrecondition);
  UniqueFd connection = Accept();
  ASSERT_TRUE(connection);
  EXPECT_FALSE(ReceiveFrame(connection.get())) << "nothing but the end of the connection";
  shims_->End(id_, {});
  connection = Accept();
  ASSERT_TRUE(connection);
  auto request = ReceiveFrame(connection.get());
  ASSERT_TRUE(request) << request.error().ToString();
  EXPECT_EQ(request->type, static_cast<uint32_t>(shim::ShimMessage::kShutdown));
  shims_->RemoveSocket(id_);
  EXPECT_EQ(shims_->Meet(id_, {}, {}).error().code, Code::kNotFound) << "it does not listen";
}

}  // namespace
}  // namespace davit::cri
