// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The connections to a shim: how they are made, lost and made again.
#include "cri/shims/shim_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cri/shims/testing/shim_client_fixture.h"

namespace davit::cri {
namespace {

ino_t InodeOf(int fd) {
  struct stat st{};
  EXPECT_EQ(fstat(fd, &st), 0);
  return st.st_ino;
}

TEST_F(ShimClientTest, MeetsAShimThatIsSilentAtFirst) {
  Open(ShimClient::First::kMeet);
  Frame hello = Expect(shim::ShimMessage::kHello);
  // Nothing is said for now; a request that has a deadline of its own does not wait for that.
  auto late = client_->ReopenLog("c", 0, MonotonicMilliseconds() + 20);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  reactor_->Await([] {});  // whatever the timeout causes has happened

  Send(shim::ShimMessage::kHelloReply, hello.request_id, Encode(Plain()));

  ASSERT_TRUE(met_.Take());
  EXPECT_TRUE(client_->alive());
}

TEST_F(ShimClientTest, MeetsAShimThatCannotBeConnectedToAtFirst) {
  refuses_ = true;
  client_ = ShimClient::Open(*reactor_, "pod", UniqueFd(), *PidFd::Open(process_.pid), Connector(), Events(),
                             ShimClient::First::kMeet);
  ASSERT_TRUE(refused_.Take());
  EXPECT_TRUE(client_->alive());
  refuses_ = false;
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, TakesTheNamespacesByNameInAnyOrder) {
  Open(ShimClient::First::kMeet);
  UniqueFd net(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  UniqueFd user(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  UniqueFd process(open("/dev/null", O_RDONLY | O_CLOEXEC));
  shim::HelloReply reply = Plain();
  reply.containers = {Live("c1")};
  AnswerHello(reply, {{shim::FdRole::kUserNamespace, user.get()},
                      {static_cast<shim::FdRole>(900), process.get()},  // of a newer shim
                      {shim::FdRole::kNetNamespace, net.get()},
                      {shim::FdRole::kProcess, process.get()}});
  auto state = met_.Take();
  ASSERT_TRUE(state);
  EXPECT_EQ(InodeOf((*state)->namespaces.network.get()), InodeOf(net.get()));
  EXPECT_EQ(InodeOf((*state)->namespaces.user.get()), InodeOf(user.get()));
  EXPECT_EQ((*state)->containers.size(), 1U);
}

TEST_F(ShimClientTest, AsksForAllPagesOfManyContainers) {
  Open(ShimClient::First::kMeet);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  shim::HelloReply first = Plain();
  first.containers = {Live("c1"), Live("c2")};
  first.unrecorded_exits = {{"c0", 3, 0, false, 1}};
  first.more = true;
  AnswerHello(first, {{shim::FdRole::kProcess, null.get()}, {shim::FdRole::kProcess, null.get()}});

  Frame next = Expect(shim::ShimMessage::kHello);
  EXPECT_EQ(Decode<shim::HelloRequest>(next.payload, "hello")->after, "c2");
  shim::HelloReply last = Plain();
  last.containers = {Live("c3")};
  Send(shim::ShimMessage::kHelloReply, next.request_id, Encode(last), {{shim::FdRole::kProcess, null.get()}});

  auto state = met_.Take();
  ASSERT_TRUE(state);
  ASSERT_EQ((*state)->containers.size(), 3U);
  EXPECT_EQ((*state)->containers[2].live.container_id, "c3");
  auto exited = exits_.Peek();
  ASSERT_TRUE(exited) << "only the first page has it";
  EXPECT_EQ(exited->container_id, "c0");
}

TEST_F(ShimClientTest, AMeetingBeginsBeforeTheFirstPageIsRequested) {
  Open(ShimClient::First::kMeet);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Frame hello = Expect(shim::ShimMessage::kHello);
  EXPECT_EQ(meetings_, 1);
  shim::HelloReply first = Plain();
  first.containers = {Live("c1")};
  first.more = true;
  Send(shim::ShimMessage::kHelloReply, hello.request_id, Encode(first),
       {{shim::FdRole::kProcess, null.get()}});
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());
  EXPECT_EQ(meetings_, 1);
}

TEST_F(ShimClientTest, ConnectsAgainWhileTheProcessLives) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());

  shim_.Reset();  // the shim hangs up
  Accept();

  shim::HelloReply reply = Plain();
  reply.unrecorded_exits = {{"c1", 3, 0, false, 1}};
  reply.sandbox_failed = "its PID 1 ended";
  AnswerHello(reply);
  ASSERT_TRUE(met_.Take());
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1");
  EXPECT_EQ(failures_.Take(), "its PID 1 ended");
  EXPECT_TRUE(client_->alive());
  client_->KillContainer("c9");
  EXPECT_EQ(
      Decode<shim::KillContainer>(Expect(shim::ShimMessage::kKillContainer).payload, "kill")->container_id,
      "c9");
}

// Takes all descriptors that this process may still open.
std::vector<UniqueFd> TakeAllDescriptors() {
  std::vector<UniqueFd> taken;
  for (UniqueFd fd(dup(STDIN_FILENO)); fd; fd.Reset(dup(STDIN_FILENO))) taken.push_back(std::move(fd));
  EXPECT_EQ(errno, EMFILE);
  return taken;
}

TEST_F(ShimClientTest, ConnectsAgainAfterDescriptorsHadRunOut) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<UniqueFd> taken = TakeAllDescriptors();
  SendBytes(std::string(100, 'x'));
  pollfd hung_up{shim_.get(), 0, 0};
  EXPECT_EQ(poll(&hung_up, 1, kPatienceMs), 1) << "the daemon gives the connection up";
  taken.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, TheDeathOfTheProcessIsTheLastEvent) {
  Open(ShimClient::First::kNothing);
  // The reactor sees both at once, the death first.
  std::promise<void> look;
  reactor_->Post([&look] { look.get_future().wait(); });
  ASSERT_TRUE(process_.pidfd.Signal(SIGKILL));
  ASSERT_TRUE(*process_.pidfd.WaitExit(kPatienceMs));
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  look.set_value();
  EXPECT_TRUE(died_.Take());
  auto exited = exits_.Peek();
  ASSERT_TRUE(exited) << "reported before the death";
  EXPECT_EQ(exited->container_id, "c1");
  EXPECT_FALSE(client_->alive());
  EXPECT_EQ(client_->ReopenLog("c1", 0, Soon()).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace davit::cri
