// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the shim promises the daemon about ends: of a container, exactly once, and of the sandbox itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExitRecordTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (!IsSkipped()) StartSandbox();
  }

  // A directory in place of the temporary file: no record of this container can be written.
  std::string Obstacle(unsigned n) const { return daemon_.dir() / "exits" + "/." + TestId(n) + ".tmp"; }
  void Obstruct(unsigned n) { ASSERT_EQ(mkdir(Obstacle(n).c_str(), 0700), 0); }
  void Clear(unsigned n) { ASSERT_EQ(rmdir(Obstacle(n).c_str()), 0); }

  bool HasRecord(unsigned n) const { return access(daemon_.ExitRecordPath(TestId(n)).c_str(), F_OK) == 0; }

  // Runs for longer than the shim waits before it tries to write a record again.
  void LetARetryPass(unsigned n) {
    EXPECT_EQ(Run(MinimalPlan(TestId(n), {"usleep", "1500000"})).exit.exit_code, 0);
    EXPECT_TRUE(HasRecord(n));
  }

  // Ends, with `code`, while no daemon is connected and its record cannot be written.
  void EndUnheard(unsigned n, int code) {
    ASSERT_TRUE(daemon_.Start(
        MinimalPlan(TestId(n),
                    {"sh", "-c", "while ! test -e /go; do usleep 1000; done; exit " + std::to_string(code)}),
        image_));
    daemon_.Disconnect();
    image_.Write("go", "");
    ASSERT_TRUE(Eventually([&] { return daemon_.ShimLog().contains("cannot write exit record"); }));
  }
};

TEST_F(ExitRecordTest, AnExitThatTheDaemonWasToldOfIsNotRecordedLater) {
  Obstruct(1);
  ASSERT_EQ(Run(MinimalPlan(TestId(1), {"sh", "-c", "exit 3"})).exit.exit_code, 3);
  Clear(1);
  LetARetryPass(2);
  EXPECT_FALSE(HasRecord(1));
}

TEST_F(ExitRecordTest, AnExitWithoutARecordIsRepeatedToEveryDaemonThatConnects) {
  Obstruct(1);
  ASSERT_EQ(Run(MinimalPlan(TestId(1), {"sh", "-c", "exit 3"})).exit.exit_code, 3);
  ASSERT_EQ(Run(MinimalPlan(TestId(2), {"true"})).exit.exit_code, 0);
  for (int i = 0; i < 2; ++i) {
    daemon_.Disconnect();
    ASSERT_TRUE(daemon_.Connect());
    auto hello = daemon_.Hello();
    ASSERT_TRUE(hello) << hello.error().ToString();
    ASSERT_EQ(hello->unrecorded_exits.size(), 1U);
    EXPECT_EQ(hello->unrecorded_exits[0].container_id, TestId(1));
    EXPECT_EQ(hello->unrecorded_exits[0].exit_code, 3);
  }
  Clear(1);
  LetARetryPass(3);
  EXPECT_FALSE(HasRecord(1));
}

TEST_F(ExitRecordTest, AnExitThatNobodyWasToldOfIsRecordedWhenThatIsPossible) {
  Obstruct(1);
  EndUnheard(1, 7);
  Clear(1);
  EXPECT_TRUE(Eventually([&] { return HasRecord(1); }));
  ASSERT_TRUE(daemon_.Connect());
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello);
  EXPECT_THAT(hello->unrecorded_exits, IsEmpty());
}

TEST_F(ExitRecordTest, AnExitThatADaemonLearnsOnConnectingIsNotRecordedLater) {
  Obstruct(1);
  EndUnheard(1, 7);
  ASSERT_TRUE(daemon_.Connect());
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello);
  ASSERT_EQ(hello->unrecorded_exits.size(), 1U);
  EXPECT_EQ(hello->unrecorded_exits[0].exit_code, 7);
  Clear(1);
  LetARetryPass(2);
  EXPECT_FALSE(HasRecord(1));
}

class SandboxFailureTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    SandboxPlan sandbox = Sandbox();
    sandbox.shared_pid = true;
    StartSandbox(sandbox);
    ASSERT_TRUE(daemon_.Start(SharedPlan(1), image_));
  }

  static ContainerPlan SharedPlan(unsigned n) {
    ContainerPlan plan = MinimalPlan(TestId(n), {"sleep", "1000"});
    plan.pid = NamespaceUse::kPod;
    return plan;
  }

  // The reaper is the shim's child of that name.
  void KillReaper() {
    std::string pid = std::to_string(daemon_.shim().pid);
    std::string children = ReadFile("/proc/" + pid + "/task/" + pid + "/children").value_or("");
    for (size_t pos = 0; pos < children.size(); pos = children.find(' ', pos) + 1) {
      pid_t child = atoi(children.c_str() + pos);
      if (ReadFile("/proc/" + std::to_string(child) + "/comm").value_or("") != "davit-reaper\n") continue;
      ASSERT_EQ(kill(child, SIGKILL), 0);
      return;
    }
    FAIL() << "no reaper among the shim's children: " << children;
  }
};

TEST_F(SandboxFailureTest, IsReportedWhenTheReaperDies) {
  KillReaper();
  auto failed = daemon_.AwaitSandboxFailed();
  ASSERT_TRUE(failed) << failed.error().ToString();
  EXPECT_THAT(failed->reason, HasSubstr("PID namespace"));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(SandboxFailureTest, IsReportedToADaemonThatConnectsLater) {
  EXPECT_EQ(daemon_.Hello()->sandbox_failed, "");
  daemon_.Disconnect();
  KillReaper();
  ASSERT_TRUE(Eventually([&] { return daemon_.ShimLog().contains("the sandbox failed"); }));
  ASSERT_TRUE(daemon_.Connect());
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_THAT(hello->sandbox_failed, HasSubstr("PID namespace"));
}

TEST_F(SandboxFailureTest, NoContainerStartsAfterwardsAndTheErrorSaysWhy) {
  KillReaper();
  ASSERT_TRUE(daemon_.AwaitSandboxFailed());
  for (unsigned n : {2U, 3U}) {
    ContainerPlan plan = SharedPlan(n);
    if (n == 3) plan.pid = NamespaceUse::kOwn;
    auto started = daemon_.Start(plan, image_);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
    EXPECT_THAT(started.error().ToString(), HasSubstr("first process of the pod's shared PID namespace"));
  }
}

TEST_F(SandboxFailureTest, AReaperThatEndsWithTheShutdownIsNoFailure) {
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
  ASSERT_TRUE(daemon_.Shutdown());
  EXPECT_FALSE(daemon_.ShimLog().contains("the sandbox failed"));
}

// A tenant that stands still: its v2 cgroup is frozen, as one without CPU time would be nearly.
class FrozenTenantTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (!cgroup_.Open("cgroup.freeze", O_WRONLY)) GTEST_SKIP() << "needs a cgroup v2 hierarchy";
    SandboxPlan sandbox = Sandbox();
    sandbox.shared_pid = true;
    StartSandbox(sandbox);
  }

  void Freeze() { ASSERT_TRUE(cgroup_.Write("cgroup.freeze", "1")); }
  void Thaw() { ASSERT_TRUE(cgroup_.Write("cgroup.freeze", "0")); }

  // Somebody in its PID namespace may look at what is started there: a helper closes our descriptors before.
  static ContainerPlan WatchedPlan(std::vector<std::string> args, unsigned n = 1) {
    ContainerPlan plan = MinimalPlan(TestId(n), std::move(args));
    plan.process.capabilities.bounding |= uint64_t{1} << CAP_SYS_PTRACE;
    return plan;
  }

  Result<uint32_t> SendExec(unsigned n, const std::string& script) {
    ProcessPlan plan = WatchedPlan({"sh", "-c", script}).process;
    return daemon_.Send(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(n), Encode(plan)}));
  }

  void ExpectThatOthersGoOn(unsigned n) {
    auto hello = daemon_.Hello();
    ASSERT_TRUE(hello) << hello.error().ToString();
    EXPECT_EQ(Run(MinimalPlan(TestId(n), {"sh", "-c", "exit 5"})).exit.exit_code, 5);
  }

  TestCgroup cgroup_;
};

TEST_F(FrozenTenantTest, AnExecInItHoldsNobodyElse) {
  ASSERT_TRUE(daemon_.Start(WatchedPlan({"sleep", "1000"}), image_, &cgroup_));
  Freeze();
  auto exec = SendExec(50, "exit 4");
  ASSERT_TRUE(exec);
  ExpectThatOthersGoOn(2);
  EXPECT_TRUE(daemon_.HeardNothing());
  Thaw();
  ASSERT_TRUE(daemon_.AwaitReply(*exec));
  EXPECT_EQ(daemon_.AwaitExecExit(TestId(50))->exit_code, 4);
}

TEST_F(FrozenTenantTest, AStartInItHoldsNobodyElse) {
  ContainerPlan plan = WatchedPlan({"true"});
  plan.pid = NamespaceUse::kPod;
  Descriptors fds = std::move(*daemon_.ContainerFds(plan, image_, &cgroup_));
  Freeze();
  auto start = daemon_.Send(ShimMessage::kStartContainer,
                            Encode(StartContainer{TestId(1), 30'000, Encode(plan)}), std::move(fds));
  ASSERT_TRUE(start);
  ExpectThatOthersGoOn(2);
  Thaw();
  auto started = daemon_.AwaitReply(*start);
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(daemon_.AwaitExit(TestId(1))->exit_code, 0);
}

TEST_F(FrozenTenantTest, AStartInItMeetsItsDeadline) {
  Freeze();
  ContainerPlan plan = WatchedPlan({"true"});
  plan.pid = NamespaceUse::kPod;
  auto started = daemon_.Start(plan, image_, &cgroup_, /*timeout_ms=*/100);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kDeadlineExceeded);
  ExpectThatOthersGoOn(2);
}

TEST_F(FrozenTenantTest, AShutdownEndsWhatHangsInIt) {
  ASSERT_TRUE(daemon_.Start(WatchedPlan({"sleep", "1000"}), image_, &cgroup_));
  Freeze();
  auto exec = SendExec(50, "true");
  ASSERT_TRUE(exec);
  ASSERT_TRUE(daemon_.Shutdown());
  EXPECT_FALSE(daemon_.ShimLog().contains("processes survive")) << daemon_.ShimLog();
}

TEST_F(FrozenTenantTest, HasARoomOfItsOwnForCommandsThatDoNotStart) {
  constexpr unsigned kRoom = 64;
  ASSERT_TRUE(daemon_.Start(WatchedPlan({"sleep", "1000"}), image_, &cgroup_));
  Freeze();
  std::vector<uint32_t> execs;
  for (unsigned n = 0; n < kRoom; ++n) execs.push_back(*SendExec(100 + n, "true"));
  auto refused = daemon_.AwaitReply(*SendExec(100 + kRoom, "true"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  Thaw();
  for (unsigned n = 0; n < kRoom; ++n) EXPECT_TRUE(daemon_.AwaitReply(execs[n])) << n;
  EXPECT_TRUE(daemon_.AwaitReply(*SendExec(200, "true")));
}

class ShutdownTest : public ShimTest {
 protected:
  // Both requests wait in the shim's socket when it reads the first one.
  Result<Frame> AskDuringShutdown(ShimMessage type, const std::string& payload, Descriptors fds) {
    TRY(daemon_.shim().pidfd.Signal(SIGSTOP));
    uint32_t shutdown = TRY(daemon_.Send(ShimMessage::kShutdown, ""));
    uint32_t late = TRY(daemon_.Send(type, payload, std::move(fds)));
    TRY(daemon_.shim().pidfd.Signal(SIGCONT));
    Result<Frame> answer = daemon_.AwaitReply(late);
    TRY(daemon_.AwaitReply(shutdown));
    EXPECT_EQ(TRY(daemon_.ReapShim()).code, 0);
    EXPECT_FALSE(daemon_.ShimLog().contains("processes survive")) << daemon_.ShimLog();
    return answer;
  }
};

TEST_F(ShutdownTest, StartsNoContainerAnyMore) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_));
  ContainerPlan plan = MinimalPlan(TestId(2), {"sleep", "1000"});
  auto started =
      AskDuringShutdown(ShimMessage::kStartContainer, Encode(StartContainer{TestId(2), 20'000, Encode(plan)}),
                        std::move(*daemon_.ContainerFds(plan, image_)));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(started.error().ToString(), HasSubstr("being shut down"));
}

TEST_F(ShutdownTest, StartsNoCommandAnyMore) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_));
  ProcessPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"}).process;
  auto started =
      AskDuringShutdown(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(50), Encode(plan)}), {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(started.error().ToString(), HasSubstr("being shut down"));
}

TEST_F(ShimTest, AnExecThatEndsWithoutADaemonIsReportedToTheNextOne) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_));
  ProcessPlan plan =
      MinimalPlan(TestId(1), {"sh", "-c", "while ! test -e /go; do usleep 1000; done; exit 4"}).process;
  auto started = daemon_.Call(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(50), Encode(plan)}));
  ASSERT_TRUE(started) << started.error().ToString();
  PidFd command(started->fds.Take(FdRole::kProcess));

  daemon_.Disconnect();
  image_.Write("go", "");
  ASSERT_TRUE(Eventually([&] { return !command.Signal(0); })) << "the shim reaps it";
  ASSERT_TRUE(daemon_.Connect());
  ASSERT_TRUE(daemon_.Hello());

  auto exit = daemon_.AwaitExecExit(TestId(50));
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->exit_code, 4);
}

}  // namespace
}  // namespace davit::shim
