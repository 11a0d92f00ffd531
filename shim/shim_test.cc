// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The whole shim, played the daemon to: sandboxes, starts, execs, exits, reconnections.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/file_io.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ShimTest, SaysHelloWithItsPid) {
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_EQ(hello->shim.version, kShimProtocolVersion);
  EXPECT_EQ(hello->pid, daemon_.shim().pid);
  EXPECT_EQ(hello->sandbox_id, TestId(0));
  EXPECT_FALSE(hello->sandbox_started);
}

TEST_F(ShimTest, EndsWithADaemonThatGaveItNoSandbox) {
  ASSERT_TRUE(daemon_.Hello());
  daemon_.Disconnect();
  auto ended = daemon_.ReapShim();
  ASSERT_TRUE(ended) << ended.error().ToString();
  EXPECT_EQ(ended->code, 0);
}

TEST_F(ShimTest, RunsAContainerAndPumpsItsOutput) {
  StartSandbox();
  ContainerOutcome outcome = RunScript("echo hello; echo oops >&2; exit 3");
  EXPECT_EQ(outcome.exit.exit_code, 3);
  EXPECT_EQ(outcome.exit.signal, 0);
  EXPECT_THAT(outcome.out, ElementsAre("hello"));
  EXPECT_THAT(outcome.err, ElementsAre("oops"));
}

TEST_F(ShimTest, RefusesContainersBeforeTheSandbox) {
  auto started = daemon_.Start(MinimalPlan(TestId(1), {"true"}), image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
}

TEST_F(ShimTest, AnswersWhatItDoesNotKnow) {
  auto reply = daemon_.Call(static_cast<ShimMessage>(999));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnimplemented);
  auto killed = daemon_.Kill(TestId(77));
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().code, Code::kNotFound);
}

TEST_F(ShimTest, AppliesSysctlsAndNamesTheOneThatFails) {
  SandboxPlan sandbox = Sandbox();
  sandbox.sysctls = {{"net/ipv4/ip_unprivileged_port_start", "81"}, {"kernel/shmmni", "4000"}};
  StartSandbox(sandbox);
  ContainerOutcome outcome =
      RunScript("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni");
  EXPECT_THAT(outcome.out, ElementsAre("81", "4000"));
}

TEST_F(ShimTest, SetsSysctlsOfTheNetworkInThePodOnly) {
  std::string host = ReadFile("/proc/sys/net/ipv4/ping_group_range").value_or("");
  SandboxPlan sandbox = Sandbox();
  sandbox.sysctls = {{"net/ipv4/ip_unprivileged_port_start", "0"},
                     {"net/ipv4/ping_group_range", "0 2147483647"}};
  StartSandbox(sandbox);
  ContainerOutcome outcome =
      RunScript("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range");
  EXPECT_THAT(outcome.out, ElementsAre("0", "0\t2147483647"));
  EXPECT_EQ(ReadFile("/proc/sys/net/ipv4/ping_group_range").value_or(""), host);
}

TEST_F(ShimTest, FailsTheSandboxOverABadSysctl) {
  SandboxPlan sandbox = Sandbox();
  sandbox.sysctls = {{"net/ipv4/ip_forward", "no number"}};
  auto started = daemon_.StartSandbox(sandbox);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("net/ipv4/ip_forward"));
  EXPECT_EQ(started.error().os_errno, EINVAL);
}

TEST_F(ShimTest, ReportsTheSignalThatEndedAContainer) {
  StartSandbox();
  auto started = daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_);
  ASSERT_TRUE(started) << started.error().ToString();
  ASSERT_TRUE(started->pidfd.Signal(SIGKILL));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit_code, 128 + SIGKILL);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ShimTest, WritesTheExitRecordBeforeTheEvent) {
  StartSandbox();
  for (unsigned i = 1; i <= 20; ++i) {
    ContainerOutcome outcome = Run(MinimalPlan(TestId(i), {"sh", "-c", "exit " + std::to_string(i)}));
    auto record = ReadFile(daemon_.ExitRecordPath(TestId(i)));
    ASSERT_TRUE(record) << record.error().ToString();
    auto exit = Decode<ContainerExited>(*record, "record");
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->exit_code, static_cast<int>(i));
    EXPECT_EQ(exit->finished_at, outcome.exit.finished_at);
  }
}

TEST_F(ShimTest, KillsOnRequest) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_));
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ShimTest, ListsLiveContainersToANewDaemon) {
  StartSandbox();
  auto started = daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_);
  ASSERT_TRUE(started);
  daemon_.Disconnect();
  ASSERT_TRUE(daemon_.Connect());
  Descriptors fds;
  auto hello = daemon_.Hello(&fds);
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_TRUE(hello->sandbox_started);
  EXPECT_TRUE(fds.Take(FdRole::kNetNamespace));
  ASSERT_EQ(hello->containers.size(), 1U);
  EXPECT_EQ(hello->containers[0].container_id, TestId(1));
  EXPECT_EQ(hello->containers[0].pid, started->info.pid);
  EXPECT_EQ(hello->containers[0].started_at, started->info.started_at);
  ASSERT_EQ(fds.size(), 1U);
  ASSERT_TRUE(PidFd(fds.Take(FdRole::kProcess)).Signal(SIGKILL));
  EXPECT_TRUE(daemon_.AwaitExit(TestId(1)));
}

TEST_F(ShimTest, RecordsAnExitWhileTheDaemonIsAwayAndKeepsPumping) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(
      MinimalPlan(TestId(1), {"sh", "-c", "while ! test -e /go; do usleep 1000; done; echo after; exit 7"}),
      image_));
  daemon_.Disconnect();
  image_.Write("go", "");
  // The record is what a daemon that was away reads; there is no one to send an event to.
  Result<std::string> record = Fail(Code::kNotFound, "", "");
  ASSERT_TRUE(Eventually([&] {
    record = ReadFile(daemon_.ExitRecordPath(TestId(1)));
    return record.has_value();
  }));
  auto exit = Decode<ContainerExited>(*record, "record");
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit_code, 7);
  EXPECT_THAT(daemon_.Outcome(*exit).out, ElementsAre("after"));
  ASSERT_TRUE(daemon_.Connect());
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello);
  EXPECT_TRUE(hello->containers.empty());
}

TEST_F(ShimTest, ReopensTheLog) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(
      MinimalPlan(TestId(1),
                  {"sh", "-c", "echo one; touch /said; while ! test -e /go; do usleep 1000; done; echo two"}),
      image_));
  ASSERT_TRUE(Eventually([&] { return !daemon_.Outcome({TestId(1), 0, 0, false, 0}).out.empty(); }));
  Descriptors fds;
  fds.Add(FdRole::kLog, std::move(*daemon_.OpenLog(daemon_.dir() / "new.log")));
  auto reopened = daemon_.Call(ShimMessage::kReopenLog, Encode(ReopenLog{TestId(1)}), std::move(fds));
  ASSERT_TRUE(reopened) << reopened.error().ToString();
  image_.Write("go", "");
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_THAT(daemon_.Outcome(*exit).out, ElementsAre("one"));
  EXPECT_THAT(*ReadFile(daemon_.dir() / "new.log"), HasSubstr("stdout F two\n"));
}

TEST_F(ShimTest, ExecutesInARunningContainer) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  ProcessPlan exec = plan.process;
  exec.args = {
      "sh", "-c",
      "echo out; echo err >&2; hostname; ps | grep -c '[s]leep 1000'; id -u; ls /proc/self/fd; exit 5"};
  exec.user.name = "app";
  auto outcome = daemon_.Exec(TestId(1), exec);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->exit.exit_code, 5);
  EXPECT_EQ(outcome->out, "out\npod-under-test\n1\n1000\n0\n1\n2\n3\n");  // 3 is the directory that ls reads
  EXPECT_EQ(outcome->err, "err\n");
}

TEST_F(ShimTest, AnExecIsWhoeverTheContainerWasStartedAs) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  plan.process.user.name = "app";
  ASSERT_TRUE(daemon_.Start(plan, image_));
  image_.Write("etc/passwd", "app:x:0:0::/:/bin/sh\n");
  plan.process.args = {"sh", "-c", "id -u; id -g; echo $HOME"};
  auto outcome = daemon_.Exec(TestId(1), plan.process);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->out, "1000\n1000\n/home\n");
}

TEST_F(ShimTest, RefusesAnExecWhereThereIsNothingToExecIn) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  auto outcome = daemon_.Exec(TestId(1), plan.process);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().os_errno, ESRCH);
  EXPECT_EQ(outcome.error().subject, TestId(1));
}

TEST_F(ShimTest, NamesAMissingExecutableOfAnExec) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  plan.process.args = {"/nope"};
  auto outcome = daemon_.Exec(TestId(1), plan.process);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().os_errno, ENOENT);
  EXPECT_EQ(outcome.error().subject, "/nope");
}

TEST_F(ShimTest, KillsAStartThatTakesTooLong) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  TestCgroup cgroup;
  if (!cgroup.Write("freezer.state", "FROZEN")) GTEST_SKIP() << "needs the v1 freezer";
  auto started = daemon_.Start(plan, image_, &cgroup, 100);
  EXPECT_TRUE(cgroup.Write("freezer.state", "THAWED"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kDeadlineExceeded);
  // Others go on.
  EXPECT_EQ(Run(MinimalPlan(TestId(2), {"true"})).exit.exit_code, 0);
}

TEST_F(ShimTest, ShutdownEndsEverything) {
  StartSandbox();
  auto started = daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_);
  ASSERT_TRUE(started);
  ASSERT_TRUE(daemon_.Shutdown());
  EXPECT_TRUE(*started->pidfd.WaitExit(0));
  EXPECT_TRUE(ReadFile(daemon_.ExitRecordPath(TestId(1))));
}

}  // namespace
}  // namespace davit::shim
