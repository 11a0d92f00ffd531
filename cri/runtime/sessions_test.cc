// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions of clients over fake shims: what goes to the client's connection.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/frame.h"
#include "cri/testing/world.h"
#include "shim/session.h"

namespace davit::cri {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    auto pair = *FramePair();
    client_ = std::move(pair.first);
    daemons_ = std::move(pair.second);
  }

  Sessions& sessions() { return world_.runtime().sessions(); }
  Result<> Exec(SessionExec wanted) {
    return sessions().Begin(wanted, std::move(daemons_), MonotonicMilliseconds() + 60'000);
  }
  Result<> Attach(const std::string& container) {
    std::optional<Result<>> attached;
    sessions().Begin(SessionAttach{container, /*input=*/true, /*patient=*/false}, std::move(daemons_),
                     [&attached](Result<> result) { attached = std::move(result); });
    return attached.value();
  }
  Frame Receive(shim::SessionMessage type) {
    auto frame = ReceiveFrame(client_.get());
    EXPECT_TRUE(frame && frame->type == static_cast<uint32_t>(type));
    return frame ? std::move(*frame) : Frame();
  }

  World world_;
  UniqueFd client_;
  UniqueFd daemons_;
};

TEST_F(SessionTest, ACommandsStreamsAndEndGoToItsClient) {
  World::Pod pod = world_.RunPod();
  ASSERT_TRUE(Exec({pod.container, {"sh"}, /*input=*/true, {}}));
  Frame streams = Receive(shim::SessionMessage::kStreams);
  EXPECT_TRUE(streams.fds.Take(shim::FdRole::kStdin));
  EXPECT_TRUE(streams.fds.Take(shim::FdRole::kStderr));
  UniqueFd out = streams.fds.Take(shim::FdRole::kStdout);
  char buffer[16] = {};
  EXPECT_EQ(read(out.get(), buffer, sizeof buffer), 3);
  EXPECT_STREQ(buffer, "out");
  auto end = ReceiveFrame(client_.get());
  ASSERT_TRUE(end && end->type == static_cast<uint32_t>(shim::ShimMessage::kExecExited));
  EXPECT_EQ(Decode<shim::ExecExited>(end->payload, "end")->exit_code, 7);
}

TEST_F(SessionTest, WithoutInputThereIsNoStdin) {
  World::Pod pod = world_.RunPod();
  ASSERT_TRUE(Exec({pod.container, {"sh"}, /*input=*/false, {}}));
  EXPECT_FALSE(Receive(shim::SessionMessage::kStreams).fds.Take(shim::FdRole::kStdin));
}

TEST_F(SessionTest, AShimThatFailsEndsTheConnection) {
  World::Pod pod = world_.RunPod();
  world_.shims.SetMood(pod.sandbox, ShimMood::kSilent);
  EXPECT_FALSE(Exec({pod.container, {"sh"}, /*input=*/false, {}}));
  Receive(shim::SessionMessage::kStreams);
  EXPECT_FALSE(ReceiveFrame(client_.get())) << "nobody has the other end";
}

TEST_F(SessionTest, ADetachedCommandHasNobodyWhoWaits) {
  World::Pod pod = world_.RunPod();
  auto begin = [&](const SessionExec& wanted) {
    std::optional<Result<>> started;
    sessions().BeginDetached(wanted, [&started](Result<> result) { started = std::move(result); });
    return started.value();
  };
  EXPECT_TRUE(begin({pod.container, {"sh"}, /*input=*/false, {}}));
  EXPECT_EQ(begin({pod.container, {"sh"}, false, {}, {.user = ":1"}}).error().code, Code::kInvalidArgument);
  world_.shims.SetMood(pod.sandbox, ShimMood::kSilent);
  EXPECT_FALSE(begin({pod.container, {"sh"}, false, {}}));
}

TEST_F(SessionTest, NothingBeginsInAContainerThatDoesNotRun) {
  std::string id = world_.CreateContainer(world_.RunSandbox().value()).value();
  EXPECT_EQ(sessions().TargetOf(id, Owner::kCri).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(sessions().TargetOf("nobody", Owner::kCri).error().code, Code::kNotFound);
  EXPECT_EQ(Attach(id).error().code, Code::kFailedPrecondition);
}

TEST_F(SessionTest, AnAttachedClientHasOutputAndInput) {
  World::Pod pod = world_.RunPod();
  EXPECT_EQ(sessions().TargetOf(pod.container.substr(0, 20), Owner::kCri).value().id, pod.container);
  EXPECT_EQ(sessions().TargetOf(pod.container, Owner::kLocal).error().code, Code::kNotFound);
  ASSERT_TRUE(Attach(pod.container));
  Frame streams = Receive(shim::SessionMessage::kStreams);
  for (auto role :
       {shim::FdRole::kStdout, shim::FdRole::kStderr, shim::FdRole::kCutOff, shim::FdRole::kInput})
    EXPECT_TRUE(streams.fds.Take(role)) << RoleNumber(role);
  EXPECT_FALSE(ReceiveFrame(client_.get())) << "the connection has ended";
}

TEST_F(SessionTest, AClientThatHasLeftIsAnErrorAndNothingStarts) {
  World::Pod pod = world_.RunPod();
  client_.Reset();
  EXPECT_FALSE(Exec({pod.container, {"sh"}, /*input=*/false, {}}));
  for (const std::string& request : world_.shims.LogOf(pod.sandbox)) EXPECT_NE(request, "HandExec");
}

TEST_F(SessionTest, AClientIsAttachedAtTheStart) {
  std::string id = world_.CreateContainer(world_.RunSandbox().value()).value();
  v1::StartContainerRequest request;
  request.set_container_id(id);
  Call call{MonotonicMilliseconds() + 60'000, {}};
  AttachedStart attached{std::move(daemons_), {true, {24, 80}}};
  ASSERT_TRUE(world_.runtime().containers().Start(request, call, &attached));
  Frame streams = Receive(shim::SessionMessage::kStreams);
  EXPECT_TRUE(streams.fds.Take(shim::FdRole::kStdout));
  EXPECT_TRUE(streams.fds.Take(shim::FdRole::kCutOff));
}

}  // namespace
}  // namespace davit::cri
