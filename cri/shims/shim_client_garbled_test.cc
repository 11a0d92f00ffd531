// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a shim sends that the daemon cannot read, and shims of other versions.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_message.h"
#include "cri/shims/testing/shim_client_fixture.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

TEST_F(ShimClientTest, GarbageIsAnsweredByANewConnectionAndNoDeath) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());
  SendBytes(std::string(100, 'x'));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take()) << "what was missed is looked up";
  EXPECT_TRUE(client_->alive());
}

TEST_F(ShimClientTest, AnAnswerThatCannotBeReadFailsItsRequestAlone) {
  Open(ShimClient::First::kNothing);
  auto broken = std::async(std::launch::async, [this] { return client_->ReopenLog("c1", 0, Soon()); });
  uint32_t first = Expect(shim::ShimMessage::kReopenLog).request_id;
  auto whole = std::async(std::launch::async, [this] { return client_->ReopenLog("c2", 0, Soon()); });
  uint32_t second = Expect(shim::ShimMessage::kReopenLog).request_id;

  // Type and request are there, the payload is cut.
  SendBytes(std::string("\x08\x19\x10") + static_cast<char>(first) + std::string("\x22\x05xy", 4));
  Send(shim::ShimMessage::kDone, second, "");

  EXPECT_EQ(broken.get().error().code, Code::kDataLoss);
  EXPECT_TRUE(whole.get()) << "on the same connection";
}

TEST_F(ShimClientTest, AHelloThatCannotBeReadIsReportedAndAskedAgain) {
  Open(ShimClient::First::kMeet);
  Send(shim::ShimMessage::kHelloReply, Expect(shim::ShimMessage::kHello).request_id, "\xff\xff");
  auto error = not_understood_.Take();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::kDataLoss);
  Accept();
  shim::HelloReply lacking = Plain();
  lacking.containers = {Live("c1")};
  AnswerHello(lacking);  // without its process
  EXPECT_THAT(not_understood_.Take().value_or(Error()).ToString(),
              HasSubstr("as many processes as containers"));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, AnEventThatCannotBeReadIsMadeUpForByHello) {
  Open(ShimClient::First::kNothing);
  Send(shim::ShimMessage::kContainerExited, 0, "\xff\xff");
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, ACallbackThatThrowsIsMadeUpForByHello) {
  Open(ShimClient::First::kNothing);
  Send(shim::ShimMessage::kExecExited, 0, Encode(shim::ExecExited{}));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1") << "the connection is read";
}

TEST_F(ShimClientTest, AnUnknownEventIsPassedOver) {
  Open(ShimClient::First::kNothing);
  Send(static_cast<shim::ShimMessage>(999), 0, "\xff\xff");
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1");
}

TEST_F(ShimClientTest, AShimOfAForeignVersionCanBeEndedAndNothingElse) {
  for (const shim::Versions& foreign :
       {shim::Versions{900, 899}, shim::Versions{shim::kOldestShimProtocol - 1, 0}}) {
    Open(ShimClient::First::kMeet);
    shim::HelloReply reply = Plain();
    reply.shim = foreign;
    AnswerHello(reply);
    auto error = not_understood_.Take();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Code::kUnimplemented);
    EXPECT_THAT(error->ToString(), HasSubstr("protocol " + std::to_string(foreign.version)));
    EXPECT_EQ(client_->StartContainer({"c1", 1000, "plan", {}}, Soon()).error().code, Code::kUnimplemented);
    EXPECT_EQ(client_->HandExec({}, Soon()).error().code, Code::kUnimplemented);
    EXPECT_TRUE(client_->alive()) << "its containers run";

    client_->KillContainer("c1");
    Expect(shim::ShimMessage::kKillContainer);
    auto shutdown =
        std::async(std::launch::async, [this] { return client_->Shutdown(MonotonicMilliseconds() + 20); });
    Send(shim::ShimMessage::kDone, Expect(shim::ShimMessage::kShutdown).request_id, "");
    EXPECT_EQ(shutdown.get().error().code, Code::kDeadlineExceeded) << "this one stays";
    client_->Close();
  }
}

TEST_F(ShimClientTest, AShimOfAForeignVersionStartsNoSandbox) {
  Open(ShimClient::First::kNothing);
  auto starting = std::async(std::launch::async, [this] { return client_->StartSandbox({}, Soon()); });
  Frame request = Expect(shim::ShimMessage::kStartSandbox);
  EXPECT_EQ(Decode<shim::StartSandbox>(request.payload, "start")->daemon.version, shim::kShimProtocolVersion);
  Send(shim::ShimMessage::kSandboxStarted, request.request_id, Encode(shim::SandboxStarted{{900, 899}}));
  auto started = starting.get();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kUnimplemented);
}

TEST_F(ShimClientTest, AStartedSandboxMustHaveItsNamespaces) {
  Open(ShimClient::First::kNothing);
  auto starting = std::async(std::launch::async, [this] { return client_->StartSandbox({}, Soon()); });
  Frame request = Expect(shim::ShimMessage::kStartSandbox);
  UniqueFd user(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  Send(shim::ShimMessage::kSandboxStarted, request.request_id,
       Encode(shim::SandboxStarted{shim::kOwnVersions}), {{shim::FdRole::kUserNamespace, user.get()}});
  auto started = starting.get();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("role 31 is missing"));
}

// One of an earlier release refuses a role that it does not know, and with it the start.
TEST_F(ShimClientTest, AShimIsSentOnlyRolesThatItKnows) {
  for (uint32_t version : {shim::kKnowsCgroupParentOom - 1, shim::kKnowsCgroupParentOom}) {
    SCOPED_TRACE(version);
    Open(ShimClient::First::kMeet);
    shim::HelloReply reply = Plain();
    reply.shim = {version, 1};
    AnswerHello(reply);
    ASSERT_TRUE(met_.Take());
    ShimCgroupFds cgroup;
    cgroup.oom.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    cgroup.parent_oom.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    ContainerLaunch launch{"c1", 1000, "plan", {}};
    launch.frame.AddCgroup(std::move(cgroup));
    auto starting = std::async(
        std::launch::async, [&] { return client_->StartContainer(std::move(launch), Soon()).has_value(); });
    Frame request = Expect(shim::ShimMessage::kStartContainer);
    EXPECT_TRUE(request.fds.Take(shim::FdRole::kCgroupOom));
    EXPECT_EQ(request.fds.Take(shim::FdRole::kCgroupParentOom).valid(),
              version == shim::kKnowsCgroupParentOom);
    Send(shim::ShimMessage::kFailed, request.request_id, "");
    EXPECT_FALSE(starting.get());
    client_->Close();
  }
}

// What an earlier release does not know is left out where the command works without it, and refused where
// not.
TEST_F(ShimClientTest, AnEarlierShimHasNoSessions) {
  for (uint32_t version : {shim::kKnowsSessions - 1, shim::kKnowsSessions}) {
    SCOPED_TRACE(version);
    bool knows = version == shim::kKnowsSessions;
    Open(ShimClient::First::kMeet);
    shim::HelloReply reply = Plain();
    reply.shim = {version, 1};
    AnswerHello(reply);
    ASSERT_TRUE(met_.Take());
    ASSERT_TRUE(client_->HandExec({"c1", "e1", "plan", {}, ExecLaunch::Session{}}, Soon()));
    auto piped = Decode<shim::ExecRequest>(Expect(shim::ShimMessage::kExec).payload, "exec");
    EXPECT_EQ(piped->session.has_value(), knows);
    Result<> handed =
        client_->HandExec({"c1", "e2", "plan", {}, ExecLaunch::Session{shim::WindowSize{24, 80}}}, Soon());
    EXPECT_EQ(handed.has_value(), knows);
    if (knows)
      EXPECT_EQ(Decode<shim::ExecRequest>(Expect(shim::ShimMessage::kExec).payload, "exec")
                    ->session->window.columns,
                80);
    else
      EXPECT_EQ(handed.error().code, Code::kUnimplemented);
    if (!knows) {
      ContainerLaunch launch{"c1", 1000, "plan", {}, shim::Attachment{}};
      EXPECT_EQ(client_->StartContainer(std::move(launch), Soon()).error().code, Code::kUnimplemented);
    }
    client_->Close();
  }
}

}  // namespace
}  // namespace davit::cri
