// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What daemon and shim must be able to say to each other: large answers, many descriptors, other versions.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <set>

#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::HasSubstr;

class ConversationTest : public ShimTest {
 protected:
  ContainerPlan Sleeper(unsigned n) { return MinimalPlan(TestId(n), {"sleep", "1000"}); }

  void PutInGroups(const std::string& user, unsigned count) {
    std::string groups;
    for (unsigned i = 0; i < count; ++i) {
      std::string gid = std::to_string(1'000'000'000 + i);
      groups += "g" + gid + ":x:" + gid + ":" + user + "\n";
    }
    image_.Write("etc/group", groups);
  }
};

TEST_F(ConversationTest, AUserInSixteenThousandGroupsDoesNotCutTheDaemonOff) {
  StartSandbox();
  PutInGroups("app", 16'000);
  ContainerPlan plan = Sleeper(1);
  plan.process.user.name = "app";
  auto started = daemon_.Start(plan, image_);
  ASSERT_TRUE(started) << started.error().ToString() << daemon_.ShimLog();
  EXPECT_EQ(started->info.groups.size(), 16'001U);

  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello) << hello.error().ToString();
  ASSERT_EQ(hello->containers.size(), 1U);
  EXPECT_EQ(hello->containers[0].groups, started->info.groups);
  // Its neighbours' requests, and their ends.
  EXPECT_EQ(Run(MinimalPlan(TestId(2), {"true"})).exit.exit_code, 0);
  plan.process.args = {"sh", "-c", "grep ^Groups: /proc/self/status | wc -w"};
  auto exec = daemon_.Exec(TestId(1), plan.process);
  ASSERT_TRUE(exec) << exec.error().ToString();
  EXPECT_EQ(exec->out, "16002\n") << "with the word itself";
}

TEST_F(ConversationTest, MoreGroupsThanTheKernelTakesFailTheStartAlone) {
  StartSandbox();
  PutInGroups("app", 65'536);
  ContainerPlan plan = Sleeper(1);
  plan.process.user.name = "app";
  auto started = daemon_.Start(plan, image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kInvalidArgument);
  EXPECT_THAT(started.error().ToString(), HasSubstr("more than 65536 supplementary groups"));
  EXPECT_TRUE(daemon_.Hello());
}

TEST_F(ConversationTest, APodOfManyContainersIsListedWhole) {
  StartSandbox();
  constexpr unsigned kContainers = 130;
  for (unsigned n = 1; n <= kContainers; ++n) {
    auto started = daemon_.Start(Sleeper(n), image_);
    ASSERT_TRUE(started) << n << ": " << started.error().ToString();
  }

  daemon_.Disconnect();
  ASSERT_TRUE(daemon_.Connect());
  std::set<std::string> listed;
  unsigned pages = 0;
  for (bool more = true; more; ++pages) {
    Descriptors fds;
    auto hello = daemon_.Hello(&fds, listed.empty() ? "" : *listed.rbegin());
    ASSERT_TRUE(hello) << hello.error().ToString();
    ASSERT_FALSE(hello->containers.empty());
    EXPECT_EQ(fds.TakeAll(FdRole::kProcess).size(), hello->containers.size());
    EXPECT_TRUE(fds.Take(FdRole::kNetNamespace));
    for (const LiveContainer& live : hello->containers) EXPECT_TRUE(listed.insert(live.container_id).second);
    more = hello->more;
  }
  EXPECT_EQ(listed.size(), kContainers);
  EXPECT_EQ(pages, 2U);
}

TEST_F(ConversationTest, EveryPidfdIsThatOfItsContainer) {
  StartSandbox();
  for (unsigned n : {3, 1, 2}) ASSERT_TRUE(daemon_.Start(Sleeper(n), image_));
  Descriptors fds;
  auto hello = daemon_.Hello(&fds);
  ASSERT_TRUE(hello);
  std::vector<UniqueFd> processes = fds.TakeAll(FdRole::kProcess);
  ASSERT_EQ(processes.size(), 3U);
  for (size_t i = 0; i < processes.size(); ++i) {
    ASSERT_TRUE(PidFd(std::move(processes[i])).Signal(SIGKILL));
    auto exit = daemon_.AwaitExit(hello->containers[i].container_id);
    ASSERT_TRUE(exit) << exit.error().ToString();
  }
}

// A daemon that took the last descriptor of this reply for the network's had the user namespace.
TEST_F(ConversationTest, TheNamespacesOfAPodAreToldApart) {
  SandboxPlan pod = Sandbox();
  pod.ids = {{0, 200'000, 65'536}, {0, 200'000, 65'536}};
  StartSandbox(pod);
  Descriptors fds;
  ASSERT_TRUE(daemon_.Hello(&fds));
  auto inode = [](const UniqueFd& fd) {
    struct stat st{};
    return fstat(fd.get(), &st) == 0 ? st.st_ino : 0;
  };
  UniqueFd net = fds.Take(FdRole::kNetNamespace);
  UniqueFd user = fds.Take(FdRole::kUserNamespace);
  ASSERT_TRUE(net);
  ASSERT_TRUE(user);
  EXPECT_NE(inode(net), inode(user));
  EXPECT_EQ(setns(net.get(), CLONE_NEWUSER), -1) << "not a user namespace";
  EXPECT_TRUE(fds.empty());
}

TEST_F(ConversationTest, AnUnknownRequestIsRefusedAndNoMore) {
  StartSandbox();
  auto answer = daemon_.Call(static_cast<ShimMessage>(999));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnimplemented);
  EXPECT_TRUE(daemon_.Hello());
}

TEST_F(ConversationTest, ARequestWithADescriptorTooManyIsRefused) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(Sleeper(1), image_));
  Descriptors fds;
  fds.Add(FdRole::kLog, UniqueFd(dup(0)));
  fds.Add(static_cast<FdRole>(99), UniqueFd(dup(0)));
  auto reopened = daemon_.Call(ShimMessage::kReopenLog, Encode(ReopenLog{TestId(1)}), std::move(fds));
  ASSERT_FALSE(reopened);
  EXPECT_THAT(reopened.error().ToString(), HasSubstr("role 99"));
}

// With this daemon the shim cannot talk, but it says so, and can be ended.
TEST_F(ConversationTest, ADaemonOfAnIncompatibleVersionIsToldSo) {
  SandboxPlan plan = Sandbox();
  for (const Versions& daemon : {Versions{kOldestShimProtocol - 1, 0}, Versions{900, 899}, Versions{}}) {
    struct StartSandbox request{daemon, Encode(plan)};
    auto started = daemon_.Call(ShimMessage::kStartSandbox, Encode(request));
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::kUnimplemented);
    EXPECT_THAT(started.error().ToString(), HasSubstr("protocol " + std::to_string(daemon.version)));
    auto hello = daemon_.Call(ShimMessage::kHello, Encode(HelloRequest{daemon, {}}));
    ASSERT_TRUE(hello) << hello.error().ToString();
    EXPECT_EQ(Decode<HelloReply>(hello->payload, "hello")->shim.version, kShimProtocolVersion);
  }
}

TEST_F(ConversationTest, ThePlanOfAnotherSandboxIsRefused) {
  SandboxPlan plan = Sandbox();
  plan.sandbox_id = TestId(77);
  EXPECT_EQ(daemon_.StartSandbox(plan).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::shim
