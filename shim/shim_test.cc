// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The whole shim, played the daemon to: sandboxes, containers, execs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/file_io.h"
#include "shim/testing/test_daemon.h"

namespace davit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ShimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string why = TestImage::WhyNot(); !why.empty()) GTEST_SKIP() << why;
    auto launched = daemon_.LaunchShim();
    ASSERT_TRUE(launched) << launched.error().ToString();
  }

  static SandboxPlan Sandbox() {
    SandboxPlan plan;
    plan.sandbox_id = TestId(0);
    plan.hostname = "pod-under-test";
    return plan;
  }
  void StartSandbox(const SandboxPlan& plan = Sandbox()) {
    auto started = daemon_.StartSandbox(plan);
    ASSERT_TRUE(started) << started.error().ToString() << "\n" << daemon_.ShimLog();
  }

  ContainerOutcome Run(const ContainerPlan& plan) {
    auto outcome = daemon_.Run(plan, image_);
    if (outcome) return *outcome;
    ADD_FAILURE() << outcome.error().ToString() << "\n" << daemon_.ShimLog();
    return {};
  }
  ContainerOutcome RunScript(const std::string& script) {
    return Run(MinimalPlan(TestId(next_id_++), {"sh", "-c", script}));
  }

  TestImage image_;
  TestDaemon daemon_;
  unsigned next_id_ = 1;
};

TEST_F(ShimTest, SaysHelloWithItsPid) {
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_EQ(hello->version, kShimProtocolVersion);
  EXPECT_EQ(hello->pid, daemon_.shim().pid);
  EXPECT_EQ(hello->sandbox_id, TestId(0));
  EXPECT_FALSE(hello->sandbox_started);
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

TEST_F(ShimTest, GivesThePodNamespacesOfItsOwn) {
  StartSandbox();
  ContainerOutcome outcome =
      RunScript("hostname; for n in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done; ip link show lo");
  ASSERT_GE(outcome.out.size(), 8U);
  EXPECT_EQ(outcome.out[0], "pod-under-test");
  const char* names[] = {"net", "ipc", "uts", "pid", "mnt", "cgroup"};
  for (int i = 0; i < 6; ++i) {
    char host[64] = {};
    ASSERT_GT(readlink((std::string("/proc/self/ns/") + names[i]).c_str(), host, sizeof host - 1), 0);
    EXPECT_NE(outcome.out[static_cast<size_t>(i) + 1], host);
  }
  EXPECT_THAT(outcome.out[7], HasSubstr("LOOPBACK,UP"));
}

TEST_F(ShimTest, SharesNetIpcUtsAndShmAmongContainersOfThePod) {
  StartSandbox();
  std::string script = "for n in net ipc uts; do readlink /proc/self/ns/$n; done; cat /dev/shm/note 2>/dev/null; "
                       "echo from-the-first > /dev/shm/note";
  ContainerOutcome first = RunScript(script);
  ContainerOutcome second = RunScript(script);
  ASSERT_EQ(first.out.size(), 3U);
  EXPECT_THAT(second.out, ElementsAre(first.out[0], first.out[1], first.out[2], "from-the-first"));
}

TEST_F(ShimTest, GivesTheHostsNamespacesWhenAsked) {
  SandboxPlan sandbox = Sandbox();
  sandbox.own_network = false;
  sandbox.own_ipc = false;
  sandbox.hostname.clear();
  StartSandbox(sandbox);
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "for n in net ipc uts pid cgroup; do readlink /proc/self/ns/$n; done"});
  plan.host_network = plan.host_ipc = plan.host_uts = plan.host_cgroup = true;
  plan.pid = NamespaceUse::kHost;
  ContainerOutcome outcome = Run(plan);
  std::vector<std::string> host;
  for (const char* name : {"net", "ipc", "uts", "pid", "cgroup"}) {
    char link[64] = {};
    ASSERT_GT(readlink((std::string("/proc/self/ns/") + name).c_str(), link, sizeof link - 1), 0);
    host.emplace_back(link);
  }
  EXPECT_EQ(outcome.out, host);
}

TEST_F(ShimTest, AppliesSysctlsAndNamesTheOneThatFails) {
  SandboxPlan sandbox = Sandbox();
  sandbox.sysctls = {{"net/ipv4/ip_unprivileged_port_start", "81"}, {"kernel/shmmni", "4000"}};
  StartSandbox(sandbox);
  ContainerOutcome outcome =
      RunScript("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni");
  EXPECT_THAT(outcome.out, ElementsAre("81", "4000"));
}

TEST_F(ShimTest, FailsTheSandboxOverABadSysctl) {
  SandboxPlan sandbox = Sandbox();
  sandbox.sysctls = {{"net/ipv4/ip_forward", "no number"}};
  auto started = daemon_.StartSandbox(sandbox);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("net/ipv4/ip_forward"));
  EXPECT_EQ(started.error().os_errno, EINVAL);
}

TEST_F(ShimTest, MakesDev) {
  StartSandbox();
  ContainerOutcome outcome = RunScript(
      "for d in null zero full random urandom tty; do stat -c '%n %t:%T %a %F' /dev/$d; done; readlink /dev/ptmx; readlink /dev/fd; "
      "stat -c '%t:%T' -L /dev/ptmx; echo x > /dev/null; stat -c %a /dev/shm; stat -f -c %T /dev/mqueue /dev/pts");
  EXPECT_THAT(outcome.out,
              ElementsAre("/dev/null 1:3 666 character special file", "/dev/zero 1:5 666 character special file",
                          "/dev/full 1:7 666 character special file", "/dev/random 1:8 666 character special file",
                          "/dev/urandom 1:9 666 character special file", "/dev/tty 5:0 666 character special file",
                          "pts/ptmx", "/proc/self/fd", "5:2", "1777", ::testing::_, "devpts"))
      << ::testing::PrintToString(outcome.err);
}

TEST_F(ShimTest, AddsTheDevicesOfThePlan) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"stat", "-c", "%n %t:%T %a %u %g", "/dev/null", "/dev/sub/seven", "/tmp/own"});
  plan.devices = {{"/dev/null", 'c', 1, 3, 0600, 0, 0, "rwm"},
                  {"/dev/sub/seven", 'b', 7, 7, 0640, 12, 34, "rwm"},
                  {"/tmp/own", 'c', 1, 5, 0666, 0, 0, "rwm"}};
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre("/dev/null 1:3 600 0 0", "/dev/sub/seven 7:7 640 12 34", "/tmp/own 1:5 666 0 0"));
}

TEST_F(ShimTest, MasksAndProtectsPaths) {
  StartSandbox();
  ContainerOutcome outcome = RunScript(
      "wc -c < /proc/keys; ls -A /sys/firmware | wc -l; stat -c %t:%T /proc/keys; "
      "touch /sys/firmware/x; echo 1 > /proc/sys/kernel/shmmni; touch /sys/x; chmod 666 /proc/keys; true");
  EXPECT_THAT(outcome.out, ElementsAre("0", "0", "1:3"));
  EXPECT_EQ(outcome.err.size(), 4U) << ::testing::PrintToString(outcome.err);
  for (const std::string& line : outcome.err) EXPECT_THAT(line, HasSubstr("Read-only file system"));
}

TEST_F(ShimTest, MakesTheRootReadOnly) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "touch /x; touch /tmp/x && echo ok"});
  plan.read_only_root = true;
  MountStep tmp;
  tmp.kind = MountKind::kTmpfs;
  tmp.target = "/tmp";
  plan.mounts.push_back(tmp);
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.err, ElementsAre(HasSubstr("Read-only file system")));
  EXPECT_THAT(outcome.out, ElementsAre("ok"));
}

TEST_F(ShimTest, BindsFilesAndDirectoriesMakingWhatIsMissing) {
  StartSandbox();
  TestImage other;
  other.Write("note", "from the host\n");
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "cat /etc/some/note; echo more >> /etc/some/note; ls -d /vol/x; "
                                                           "touch /vol/x/y"});
  MountStep file;
  file.source = other.path() + "/note";
  file.target = "/etc/some/note";
  file.attributes = MOUNT_ATTR_RDONLY;
  MountStep missing;
  missing.source = other.path() + "/not/yet/there";
  missing.target = "/vol/x";
  plan.mounts.insert(plan.mounts.end(), {file, missing});
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre("from the host", "/vol/x"));
  EXPECT_THAT(outcome.err, ElementsAre(HasSubstr("Read-only file system")));
  EXPECT_EQ(access((other.path() + "/not/yet/there/y").c_str(), F_OK), 0);
}

TEST_F(ShimTest, FollowsADanglingSymlinkInsideTheRootForAMountTarget) {
  StartSandbox();
  ASSERT_EQ(symlink("../run/systemd/stub.conf", (image_.path() + "/etc/resolv.conf").c_str()), 0);
  TestImage other;
  other.Write("resolv", "nameserver 192.0.2.1\n");
  ContainerPlan plan = MinimalPlan(TestId(1), {"cat", "/run/systemd/stub.conf"});
  MountStep file;
  file.source = other.path() + "/resolv";
  file.target = "/etc/resolv.conf";
  file.source_is_ours = true;
  plan.mounts.push_back(file);
  EXPECT_THAT(Run(plan).out, ElementsAre("nameserver 192.0.2.1"));
}

TEST_F(ShimTest, RunsAsTheUserWithItsGroupsAndHome) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "id -u; id -g; id -G; echo $HOME; pwd"});
  plan.process.user.name = "app";
  plan.process.user.supplementary = {42};
  plan.process.cwd = "/made/here";
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre("1000", "1000", "1000 42 2000 2001", "/home", "/made/here"));

  plan.container_id = TestId(2);
  plan.process.user.merge_image_groups = false;
  EXPECT_EQ(Run(plan).out.at(2), "1000 42");
}

TEST_F(ShimTest, ReportsTheResolvedUser) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.user.uid = 1000;
  auto started = daemon_.Start(plan, image_);
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(started->info.uid, 1000U);
  EXPECT_EQ(started->info.gid, 1000U);
  EXPECT_THAT(started->info.groups, ElementsAre(1000, 2000, 2001));
  EXPECT_GT(started->info.started_at, 0);
  EXPECT_GT(started->info.pid, 0);
}

TEST_F(ShimTest, SetsCapabilities) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"grep", "^Cap", "/proc/self/status"});
  ContainerOutcome root = Run(plan);
  EXPECT_THAT(root.out, ElementsAre("CapInh:\t0000000000000000", "CapPrm:\t00000000a80425fb",
                                    "CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb",
                                    "CapAmb:\t0000000000000000"));
  plan.container_id = TestId(2);
  plan.process.user.uid = 1000;
  plan.process.capabilities.inheritable = plan.process.capabilities.ambient = 1 << 10;  // CAP_NET_BIND_SERVICE
  ContainerOutcome user = Run(plan);
  EXPECT_THAT(user.out, ElementsAre("CapInh:\t0000000000000400", "CapPrm:\t0000000000000400",
                                    "CapEff:\t0000000000000400", "CapBnd:\t00000000a80425fb",
                                    "CapAmb:\t0000000000000400"));
}

TEST_F(ShimTest, SetsNoNewPrivilegesRlimitsUmaskAndSignals) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(
      TestId(1), {"sh", "-c", "grep -E '^(NoNewPrivs|SigBlk|SigIgn)' /proc/self/status; umask; ulimit -n; ulimit -Hn"});
  plan.process.no_new_privileges = true;
  plan.process.rlimits = {{RLIMIT_NOFILE, 100, 200}};
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre("SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "NoNewPrivs:\t1",
                                       "0022", "100", "200"));
}

TEST_F(ShimTest, ClampsLimitsThatTheHostDoesNotLetItRaise) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "cat /proc/self/oom_score_adj"});
  plan.process.rlimits = {{RLIMIT_NOFILE, 1ULL << 40, 1ULL << 40}};
  plan.process.oom_score_adj = -999;
  ContainerOutcome outcome = Run(plan);
  EXPECT_EQ(outcome.exit.exit_code, 0);
  plan.container_id = TestId(2);
  plan.process.oom_score_adj = 500;
  EXPECT_THAT(Run(plan).out, ElementsAre("500"));
}

TEST_F(ShimTest, NamesAMissingExecutable) {
  StartSandbox();
  auto started = daemon_.Start(MinimalPlan(TestId(1), {"/bin/nope"}), image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().step, "exec");
  EXPECT_EQ(started.error().subject, "/bin/nope");
  EXPECT_EQ(started.error().os_errno, ENOENT);

  started = daemon_.Start(MinimalPlan(TestId(1), {"nowhere"}), image_);  // the id is free again
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().subject, "nowhere");
  EXPECT_EQ(started.error().os_errno, ENOENT);

  image_.Write("bin/plain", "no program", 0644);
  started = daemon_.Start(MinimalPlan(TestId(1), {"plain"}), image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().os_errno, EACCES);
}

TEST_F(ShimTest, NamesAnUnknownUser) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.user.name = "nobody-here";
  auto started = daemon_.Start(plan, image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().subject, "nobody-here");
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
  std::vector<UniqueFd> fds;
  auto hello = daemon_.Hello(&fds);
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_TRUE(hello->sandbox_started);
  EXPECT_TRUE(hello->has_netns);
  ASSERT_EQ(hello->containers.size(), 1U);
  EXPECT_EQ(hello->containers[0].container_id, TestId(1));
  EXPECT_EQ(hello->containers[0].pid, started->info.pid);
  EXPECT_EQ(hello->containers[0].started_at, started->info.started_at);
  ASSERT_EQ(fds.size(), 2U);
  ASSERT_TRUE(PidFd(std::move(fds[0])).Signal(SIGKILL));
  EXPECT_TRUE(daemon_.AwaitExit(TestId(1)));
}

TEST_F(ShimTest, RecordsAnExitWhileTheDaemonIsAwayAndKeepsPumping) {
  StartSandbox();
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sh", "-c", "while ! test -e /go; do usleep 1000; done; echo after; exit 7"}),
                            image_));
  daemon_.Disconnect();
  image_.Write("go", "");
  // The record is what a daemon that was away reads; there is no one to send an event to.
  Result<std::string> record = Fail(Code::kNotFound, "", "");
  for (int i = 0; i < 3000 && !record; ++i) {
    usleep(10'000);
    record = ReadFile(daemon_.ExitRecordPath(TestId(1)));
  }
  ASSERT_TRUE(record);
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
      MinimalPlan(TestId(1), {"sh", "-c", "echo one; touch /said; while ! test -e /go; do usleep 1000; done; echo two"}), image_));
  for (int i = 0; i < 3000 && daemon_.Outcome({TestId(1), 0, 0, false, 0}).out.empty(); ++i) usleep(1000);
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(*OpenAt(AT_FDCWD, daemon_.dir() / "new.log", O_WRONLY | O_CREAT | O_APPEND, 0600)));
  auto reopened = daemon_.Call(ShimMessage::kReopenLog, Encode(ReopenLog{TestId(1)}), fds);
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
  exec.args = {"sh", "-c", "echo out; echo err >&2; hostname; ps | grep -c '[s]leep 1000'; id -u; ls /proc/self/fd; exit 5"};
  exec.user.name = "app";
  auto outcome = daemon_.Exec(TestId(1), exec);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->exit.exit_code, 5);
  EXPECT_EQ(outcome->out, "out\npod-under-test\n1\n1000\n0\n1\n2\n3\n");  // 3 is the directory that ls reads
  EXPECT_EQ(outcome->err, "err\n");
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
}  // namespace davit
