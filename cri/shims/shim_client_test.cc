// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_client.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <future>
#include <vector>

#include "base/codec.h"
#include "base/frame.h"

namespace davit {
namespace {

using ::testing::ElementsAre;

constexpr int kPatienceMs = 30'000;

// A client whose shim is this test: it writes what a shim would.
class ShimClientTest : public ::testing::Test {
 protected:
  ShimClientTest() {
    events_.container_exited = [this](const ContainerExited& exited) {
      heard_.push_back(exited.container_id);
    };
    events_.met = [this](const ShimState&) { heard_.emplace_back("met"); };
    events_.sandbox_failed = [this](const std::string& reason) { heard_.push_back(reason); };
    events_.exec_exited = [this](const ExecExited&) { last_.set_value(); };
    events_.died = [] {};
  }
  ~ShimClientTest() override {
    if (client_) client_->Close();
  }

  void Open(ShimClient::First first) {
    auto [ours, theirs] = *FramePair();
    shim_ = std::move(ours);
    reactor_ = *Reactor::Start();
    client_ = ShimClient::Open(*reactor_, "pod", std::move(theirs), *PidFd::Open(getpid()), events_, first);
  }

  void Send(ShimMessage type, uint32_t request_id, const std::string& payload) {
    ASSERT_TRUE(
        SendFrame(shim_.get(), kShimProtocolVersion, static_cast<uint16_t>(type), request_id, payload));
  }
  // What has been heard of everything that was sent before.
  std::vector<std::string> Heard() {
    Send(ShimMessage::kExecExited, 0, Encode(ExecExited{"the last", 0, 0}));
    EXPECT_EQ(last_.get_future().wait_for(std::chrono::milliseconds(kPatienceMs)), std::future_status::ready);
    return heard_;
  }

  ShimEvents events_;
  UniqueFd shim_;
  std::unique_ptr<Reactor> reactor_;
  std::shared_ptr<ShimClient> client_;
  std::vector<std::string> heard_;  // by the reactor, until the last event
  std::promise<void> last_;
};

TEST_F(ShimClientTest, PassesOnThatTheSandboxFailed) {
  Open(ShimClient::First::kNothing);
  Send(ShimMessage::kSandboxFailed, 0, Encode(SandboxFailed{"its PID 1 ended"}));
  EXPECT_THAT(Heard(), ElementsAre("its PID 1 ended"));
}

TEST_F(ShimClientTest, HearsOnMeetingWhatItMissed) {
  Open(ShimClient::First::kMeet);
  pollfd readable{shim_.get(), POLLIN, 0};
  ASSERT_EQ(poll(&readable, 1, kPatienceMs), 1);
  auto hello = ReceiveFrame(shim_.get());
  ASSERT_TRUE(hello);
  HelloReply reply;
  reply.sandbox_started = true;
  reply.sandbox_failed = "its PID 1 ended";
  reply.unrecorded_exits = {{"a", 3, 0, false, 1}, {"b", 137, 9, false, 2}};
  Send(ShimMessage::kHelloReply, hello->request_id, Encode(reply));
  EXPECT_THAT(Heard(), ElementsAre("a", "b", "met", "its PID 1 ended"));
}

}  // namespace
}  // namespace davit
