// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Processes of a pod: shared PID namespaces and their PID 1, cgroups, what is left behind, OOM kills.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/oom.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProcessTest : public ShimTest {
 protected:
  static SandboxPlan SharedPid() {
    SandboxPlan plan = Sandbox();
    plan.shared_pid = true;
    return plan;
  }
  static ContainerPlan PodPidPlan(unsigned id, std::vector<std::string> args) {
    ContainerPlan plan = MinimalPlan(TestId(id), std::move(args));
    plan.pid = NamespaceUse::kPod;
    return plan;
  }
};

TEST_F(ProcessTest, RefusesThePodsPidNamespaceWhereThereIsNone) {
  StartSandbox();
  auto started = daemon_.Start(PodPidPlan(1, {"true"}), image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
}

TEST_F(ProcessTest, ContainersOfASharedPidNamespaceSeeEachOther) {
  StartSandbox(SharedPid());
  ASSERT_TRUE(daemon_.Start(PodPidPlan(1, {"sleep", "1234"}), image_));
  ContainerOutcome outcome = Run(PodPidPlan(2, {"sh", "-c", "ps; readlink /proc/1/exe; cat /proc/1/comm"}));
  EXPECT_THAT(outcome.out, Contains(HasSubstr("sleep 1234")));
  EXPECT_THAT(outcome.out, Contains(HasSubstr("davit-reaper")));
}

TEST_F(ProcessTest, ThePodsPid1ReapsOrphans) {
  StartSandbox(SharedPid());
  // The inner sh leaves a child behind, which ends as an orphan when it may.
  ContainerOutcome outcome = Run(
      PodPidPlan(1, {"sh", "-c",
                     "(sh -c '(while ! test -e /tmp/end; do usleep 1000; done) & echo $! > /tmp/orphan'); "
                     "p=$(cat /tmp/orphan); grep PPid /proc/$p/status; echo > /tmp/end; "
                     "while test -e /proc/$p; do usleep 1000; done; echo reaped"}));
  EXPECT_THAT(outcome.out, ElementsAre("PPid:\t1", "reaped"));
}

TEST_F(ProcessTest, SignalsFromInsideDoNotReachThePodsPid1) {
  StartSandbox(SharedPid());
  ContainerPlan plan = PodPidPlan(
      1, {"sh", "-c",
          "for s in TERM KILL STOP HUP USR1 SEGV; do kill -$s 1; done; test -d /proc/1 && echo alive"});
  plan.process.capabilities.bounding = plan.process.capabilities.permitted =
      plan.process.capabilities.effective = ~0ULL;
  EXPECT_THAT(Run(plan).out, ElementsAre("alive"));
}

TEST_F(ProcessTest, ALeftoverOfASharedPidNamespaceDiesBeforeTheExitIsPublished) {
  TestCgroup cgroup;
  StartSandbox(SharedPid());
  ContainerPlan plan = PodPidPlan(1, {"sh", "-c", "for i in 1 2 3; do setsid sleep 1000 & done; exit 4"});
  auto outcome = daemon_.Run(plan, image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->exit.exit_code, 4);
  EXPECT_THAT(cgroup.Processes(), ElementsAre());
}

TEST_F(ProcessTest, AContainerInTheHostsPidNamespaceLeavesNothingBehind) {
  TestCgroup cgroup;
  StartSandbox();
  ContainerPlan plan =
      MinimalPlan(TestId(1), {"sh", "-c", "for i in 1 2 3; do setsid sleep 1000 & done; exit 4"});
  plan.pid = NamespaceUse::kHost;
  auto outcome = daemon_.Run(plan, image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_THAT(cgroup.Processes(), ElementsAre());
}

TEST_F(ProcessTest, WithoutV2TheSweepStillEmptiesTheCgroup) {
  TestCgroup cgroup;
  StartSandbox();
  ContainerPlan plan = MinimalPlan(
      TestId(1), {"sh", "-c", "i=0; while test $i -lt 50; do setsid sleep 1000 & i=$((i+1)); done; exit 0"});
  plan.pid = NamespaceUse::kHost;
  auto fds = daemon_.ContainerFds(plan, image_);
  ASSERT_TRUE(fds);
  std::vector<UniqueFd> procs = cgroup.OpenProcs();
  for (size_t i = cgroup.OpenUnified() ? 1 : 0; i < procs.size(); ++i) {
    fds->Add(FdRole::kCgroupProcs, std::move(procs[i]));
  }
  ASSERT_TRUE(daemon_.Start(plan, std::move(*fds)));
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
  EXPECT_THAT(cgroup.Processes("pids"), ElementsAre());
}

TEST_F(ProcessTest, JoinsThePidNamespaceOfATarget) {
  StartSandbox();
  auto target = daemon_.Start(MinimalPlan(TestId(1), {"sleep", "4321"}), image_);
  ASSERT_TRUE(target);
  ContainerPlan plan = MinimalPlan(TestId(2), {"sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '; echo"});
  plan.pid = NamespaceUse::kTarget;
  auto fds = daemon_.ContainerFds(plan, image_);
  ASSERT_TRUE(fds);
  fds->Add(FdRole::kTargetPid, std::move(target->pidfd.fd()));
  ASSERT_TRUE(daemon_.Start(plan, std::move(*fds)));
  auto exit = daemon_.AwaitExit(TestId(2));
  ASSERT_TRUE(exit);
  EXPECT_THAT(daemon_.Outcome(*exit).out, ElementsAre("sleep 4321 "));
}

TEST_F(ProcessTest, PlacesInitAndExecsInEveryHierarchy) {
  TestCgroup cgroup;
  if (cgroup.OpenProcs().empty()) GTEST_SKIP() << "needs a writable cgroup hierarchy";
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  auto started = daemon_.Start(plan, image_, &cgroup);
  ASSERT_TRUE(started) << started.error().ToString();
  auto host_view = ReadFile("/proc/" + std::to_string(started->info.pid) + "/cgroup");
  ASSERT_TRUE(host_view);
  size_t placed = 0;
  for (size_t at = host_view->find(cgroup.name() + "\n"); at != std::string::npos;
       at = host_view->find(cgroup.name() + "\n", at + 1)) {
    ++placed;
  }
  EXPECT_EQ(placed, cgroup.OpenProcs().size()) << *host_view;

  ProcessPlan exec = plan.process;
  exec.args = {"sh", "-c", "cut -d: -f3 /proc/self/cgroup | grep -vc '^/$'"};
  auto outcome = daemon_.Exec(TestId(1), exec);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->out, "0\n");  // each is the root of the container's own cgroup namespace
}

TEST_F(ProcessTest, ShowsTheContainerItsOwnCgroupReadOnly) {
  TestCgroup cgroup;
  struct stat st;
  if (stat("/sys/fs/cgroup/pids", &st) < 0) GTEST_SKIP() << "needs cgroup v1";
  StartSandbox();
  ContainerPlan plan = MinimalPlan(
      TestId(1), {"sh", "-c",
                  "cat /sys/fs/cgroup/pids/cgroup.procs; ls /sys/fs/cgroup; mkdir /sys/fs/cgroup/pids/x; "
                  "mkdir /sys/fs/cgroup/x; echo 1 > /sys/fs/cgroup/pids/cgroup.procs"});
  auto outcome = daemon_.Run(plan, image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->out.at(0), "1");
  EXPECT_THAT(outcome->out, Contains("pids"));
  EXPECT_THAT(outcome->out, Contains("memory"));
  EXPECT_EQ(outcome->err.size(), 3U) << ::testing::PrintToString(outcome->err);
  for (const std::string& line : outcome->err) EXPECT_THAT(line, HasSubstr("Read-only file system"));
}

// In a shared PID namespace it is another process that makes the mounts.
TEST_F(ProcessTest, ShowsTheContainersV2CgroupInEveryKindOfPidNamespace) {
  TestCgroup cgroup;
  UniqueFd unified = cgroup.OpenUnified();
  struct stat own;
  if (!unified || fstat(unified.get(), &own) < 0) GTEST_SKIP() << "needs a v2 hierarchy";
  StartSandbox(SharedPid());
  unsigned id = 1;
  for (NamespaceUse pid : {NamespaceUse::kOwn, NamespaceUse::kPod}) {
    ContainerPlan plan = MinimalPlan(
        TestId(id++), {"sh", "-c", "cd /sys/fs/cgroup; stat -c %i unified 2>/dev/null || stat -c %i ."});
    plan.pid = pid;
    auto outcome = daemon_.Run(plan, image_, &cgroup);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_THAT(outcome->out, ElementsAre(std::to_string(own.st_ino)));
  }
}

TEST_F(ProcessTest, ShowsTheHostsCgroupsWhenAsked) {
  TestCgroup cgroup;
  struct stat st;
  if (stat("/sys/fs/cgroup/pids", &st) < 0) GTEST_SKIP() << "needs cgroup v1";
  StartSandbox();
  ContainerPlan plan =
      MinimalPlan(TestId(1), {"sh", "-c",
                              "cat /sys/fs/cgroup/pids" + cgroup.name() +
                                  "/cgroup.procs > /tmp/procs; test -s /tmp/procs && echo visible; "
                                  "mkdir /sys/fs/cgroup/pids" +
                                  cgroup.name() +
                                  "/x && "
                                  "rmdir /sys/fs/cgroup/pids" +
                                  cgroup.name() + "/x && echo writable"});
  plan.host_cgroup = true;
  for (MountStep& step : plan.mounts) {
    if (step.kind == MountKind::kCgroup) step.attributes &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  }
  image_.Write("bin/rmdir", "#!/bin/busybox sh\nexec /bin/busybox rmdir \"$@\"\n", 0755);
  auto outcome = daemon_.Run(plan, image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_THAT(outcome->out, ElementsAre("visible", "writable")) << ::testing::PrintToString(outcome->err);
}

TEST_F(ProcessTest, SaysThatTheOomKillerStruck) {
  TestCgroup cgroup;
  if (!cgroup.Write("memory.limit_in_bytes", "16777216")) GTEST_SKIP() << "needs the v1 memory controller";
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"});
  auto outcome = daemon_.Run(plan, image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->exit.signal, SIGKILL);
  EXPECT_TRUE(outcome->exit.oom_killed);
}

TEST_F(ProcessTest, AMemoryLimitTooSmallToStartInIsNamed) {
  TestCgroup cgroup;
  if (!cgroup.Write("memory.limit_in_bytes", "65536")) GTEST_SKIP() << "needs the v1 memory controller";
  StartSandbox(SharedPid());
  unsigned id = 1;
  for (NamespaceUse pid : {NamespaceUse::kOwn, NamespaceUse::kPod}) {
    ContainerPlan plan = MinimalPlan(TestId(id++), {"true"});
    plan.pid = pid;
    auto started = daemon_.Start(plan, image_, &cgroup);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::kResourceExhausted);
    EXPECT_THAT(started.error().ToString(), HasSubstr("memory limit"));
  }
}

TEST_F(ProcessTest, AnOrdinaryEndIsNoOomKill) {
  TestCgroup cgroup;
  StartSandbox();
  auto outcome = daemon_.Run(MinimalPlan(TestId(1), {"true"}), image_, &cgroup);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_FALSE(outcome->exit.oom_killed);
}

TEST_F(ProcessTest, AnExecDoesNotEndWithItsContainerUnnoticed) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  ASSERT_TRUE(
      daemon_.Call(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(50), Encode(plan.process)})));
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  auto exit = daemon_.AwaitExecExit(TestId(50));
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ProcessTest, AnExecJoinsASharedPidNamespace) {
  StartSandbox(SharedPid());
  ContainerPlan plan = PodPidPlan(1, {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  ProcessPlan exec = plan.process;
  exec.args = {"cat", "/proc/1/comm"};
  auto outcome = daemon_.Exec(TestId(1), exec);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_THAT(outcome->out, HasSubstr("davit-reaper"));
}

TEST_F(ProcessTest, TheDeathOfTheShimTakesThePodsPid1AlongAndWithItTheNamespace) {
  StartSandbox(SharedPid());
  auto started = daemon_.Start(PodPidPlan(1, {"sleep", "1000"}), image_);
  ASSERT_TRUE(started);
  ASSERT_TRUE(daemon_.CrashShim());
  EXPECT_TRUE(*started->pidfd.WaitExit(30'000));
}

TEST_F(ProcessTest, LeavesNoProcessOrMountBehind) {
  auto mounts_before = ReadFile("/proc/self/mountinfo");
  for (bool shared : {false, true}) {
    TestDaemon daemon;
    ASSERT_TRUE(daemon.LaunchShim());
    ASSERT_TRUE(daemon.StartSandbox(shared ? SharedPid() : Sandbox()));
    ASSERT_TRUE(daemon.Run(MinimalPlan(TestId(1), {"true"}), image_));
    auto mounts_meanwhile = ReadFile("/proc/self/mountinfo");
    EXPECT_EQ(*mounts_before, *mounts_meanwhile);
    std::string pid = std::to_string(daemon.shim().pid);
    std::string children;
    // A process that wrote a log ends some time after the last line.
    EXPECT_TRUE(Eventually([&] {
      children = ReadFile("/proc/" + pid + "/task/" + pid + "/children").value_or("");
      return std::count(children.begin(), children.end(), ' ') == (shared ? 1 : 0);
    })) << children;
    ASSERT_TRUE(daemon.Shutdown());
  }
}

TEST_F(ProcessTest, KeepsNoDescriptorOfAContainerThatIsGone) {
  StartSandbox();
  TestCgroup cgroup;
  auto count = [this] {
    EXPECT_TRUE(daemon_.Hello());  // answered when it is done with what came before
    size_t n = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(daemon_.shim().pid) + "/fd")) {
      (void)entry;
      ++n;
    }
    return n;
  };
  Run(MinimalPlan(TestId(1), {"true"}));
  size_t before = count();
  for (unsigned i = 2; i < 10; ++i) {
    auto outcome = daemon_.Run(MinimalPlan(TestId(i), {"true"}), image_, &cgroup);
    ASSERT_TRUE(outcome);
    ASSERT_FALSE(daemon_.Start(MinimalPlan(TestId(i), {"/nope"}), image_, &cgroup));
  }
  EXPECT_EQ(count(), before);
}

// As under systemd, which removes a scope's cgroup when the last process has ended.
TEST_F(ProcessTest, SaysThatTheOomKillerStruckWhereTheCgroupIsGone) {
  UniqueFd gone;
  {
    TestCgroup removed;
    gone = removed.Open("memory.oom_control", O_RDONLY);
  }
  if (!gone) GTEST_SKIP() << "needs the v1 memory controller";
  ASSERT_EQ(ReadOomKills(gone.get()).error().os_errno, ENODEV);
  UniqueFd parent(memfd_create("memory.events", MFD_CLOEXEC));
  auto count = [&parent](const char* kills) {
    std::string text = std::string("oom 9\noom_kill ") + kills + "\n";
    ASSERT_EQ(pwrite(parent.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  };
  StartSandbox();
  enum class End { kKilled, kKilledByUs, kExited };
  struct Case {
    const char* kills;
    End end;
    bool oom_killed;
  };
  unsigned id = 1;
  for (const Case& c : {Case{"4", End::kKilled, true}, Case{"3", End::kKilled, false},
                        Case{"4", End::kKilledByUs, false}, Case{"4", End::kExited, false}}) {
    SCOPED_TRACE(id);
    count("3");
    ContainerPlan plan =
        MinimalPlan(TestId(id), {"sh", "-c", c.end == End::kExited ? "usleep 300000; exit 3" : "sleep 1000"});
    Descriptors fds = daemon_.ContainerFds(plan, image_).value();
    fds.Add(FdRole::kCgroupOom, UniqueFd(fcntl(gone.get(), F_DUPFD_CLOEXEC, 0)));
    fds.Add(FdRole::kCgroupParentOom, UniqueFd(fcntl(parent.get(), F_DUPFD_CLOEXEC, 0)));
    auto started = daemon_.Start(plan, std::move(fds));
    ASSERT_TRUE(started) << started.error().ToString();
    count(c.kills);
    if (c.end == End::kKilledByUs) {
      ASSERT_TRUE(daemon_.Kill(TestId(id)));
    }
    if (c.end == End::kKilled) {
      ASSERT_TRUE(started->pidfd.Signal(SIGKILL));
    }
    auto exit = daemon_.AwaitExit(TestId(id++));
    ASSERT_TRUE(exit) << exit.error().ToString();
    EXPECT_EQ(exit->exit_code, c.end == End::kExited ? 3 : 137);
    EXPECT_EQ(exit->oom_killed, c.oom_killed);
  }
}

}  // namespace
}  // namespace davit::shim
