// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a container finds when it runs: namespaces, filesystems, devices, user, privileges.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using ContainerTest = ShimTest;

TEST_F(ContainerTest, GivesThePodNamespacesOfItsOwn) {
  StartSandbox();
  ContainerOutcome outcome = RunScript(
      "hostname; for n in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done; ip link show lo");
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

TEST_F(ContainerTest, SharesNetIpcUtsAndShmAmongContainersOfThePod) {
  StartSandbox();
  std::string script =
      "for n in net ipc uts; do readlink /proc/self/ns/$n; done; cat /dev/shm/note 2>/dev/null; "
      "echo from-the-first > /dev/shm/note";
  ContainerOutcome first = RunScript(script);
  ContainerOutcome second = RunScript(script);
  ASSERT_EQ(first.out.size(), 3U);
  EXPECT_THAT(second.out, ElementsAre(first.out[0], first.out[1], first.out[2], "from-the-first"));
}

TEST_F(ContainerTest, GivesTheHostsNamespacesWhenAsked) {
  SandboxPlan sandbox = Sandbox();
  sandbox.own_network = false;
  sandbox.own_ipc = false;
  sandbox.hostname.clear();
  StartSandbox(sandbox);
  ContainerPlan plan = MinimalPlan(
      TestId(1), {"sh", "-c", "for n in net ipc uts pid cgroup; do readlink /proc/self/ns/$n; done"});
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

// A filesystem whose server never answers, as an NFS server that is gone.
class SilentFilesystem {
 public:
  explicit SilentFilesystem(const std::string& path) : path_(path) {
    std::string options = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(server_.get());
    EXPECT_EQ(mount("silent", path_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()), 0);
  }
  ~SilentFilesystem() {
    server_.Reset();  // ends whoever waits
    umount2(path_.c_str(), MNT_DETACH);
  }

 private:
  std::string path_;
  UniqueFd server_{open("/dev/fuse", O_RDWR | O_CLOEXEC)};
};

TEST_F(ContainerTest, NamesTheSourceThatNeverOpensAndStartsOthers) {
  if (access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/fuse for a filesystem that hangs";
  SandboxPlan sandbox = Sandbox();
  sandbox.shared_pid = true;
  StartSandbox(sandbox);
  ScratchDir dir;
  SilentFilesystem silent(dir.path());
  uint32_t number = 1;
  for (NamespaceUse pid : {NamespaceUse::kOwn, NamespaceUse::kPod}) {
    ContainerPlan plan = MinimalPlan(TestId(number++), {"true"});
    plan.pid = pid;
    MountStep step;
    step.source = dir / "volume";
    step.target = "/volume";
    plan.mounts.push_back(step);

    auto started = daemon_.Start(plan, image_, nullptr, /*timeout_ms=*/300);

    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::kDeadlineExceeded);
    EXPECT_THAT(started.error().ToString(), HasSubstr("waiting for mount source " + step.source));
    EXPECT_THAT(Run(MinimalPlan(TestId(number++), {"echo", "fine"})).out, ElementsAre("fine"));
  }
}

TEST_F(ContainerTest, MakesDev) {
  StartSandbox();
  ContainerOutcome outcome = RunScript(
      "for d in null zero full random urandom tty; do stat -c '%n %t:%T %a %F' /dev/$d; done; readlink "
      "/dev/ptmx; readlink /dev/fd; "
      "stat -c '%t:%T' -L /dev/ptmx; echo x > /dev/null; stat -c %a /dev/shm; stat -f -c %T /dev/mqueue "
      "/dev/pts");
  EXPECT_THAT(
      outcome.out,
      ElementsAre("/dev/null 1:3 666 character special file", "/dev/zero 1:5 666 character special file",
                  "/dev/full 1:7 666 character special file", "/dev/random 1:8 666 character special file",
                  "/dev/urandom 1:9 666 character special file", "/dev/tty 5:0 666 character special file",
                  "pts/ptmx", "/proc/self/fd", "5:2", "1777", ::testing::_, "devpts"))
      << ::testing::PrintToString(outcome.err);
}

TEST_F(ContainerTest, AddsTheDevicesOfThePlan) {
  StartSandbox();
  ContainerPlan plan =
      MinimalPlan(TestId(1), {"stat", "-c", "%n %t:%T %a %u %g", "/dev/null", "/dev/sub/seven", "/tmp/own"});
  plan.devices = {{"/dev/null", 'c', 1, 3, 0600, 0, 0, "rwm"},
                  {"/dev/sub/seven", 'b', 7, 7, 0640, 12, 34, "rwm"},
                  {"/tmp/own", 'c', 1, 5, 0666, 0, 0, "rwm"}};
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out,
              ElementsAre("/dev/null 1:3 600 0 0", "/dev/sub/seven 7:7 640 12 34", "/tmp/own 1:5 666 0 0"));
}

TEST_F(ContainerTest, MasksAndProtectsPaths) {
  StartSandbox();
  ContainerOutcome outcome = RunScript(
      "wc -c < /proc/keys; ls -A /sys/firmware | wc -l; stat -c %t:%T /proc/keys; "
      "touch /sys/firmware/x; echo 1 > /proc/sys/kernel/shmmni; touch /sys/x; chmod 666 /proc/keys; true");
  EXPECT_THAT(outcome.out, ElementsAre("0", "0", "1:3"));
  EXPECT_EQ(outcome.err.size(), 4U) << ::testing::PrintToString(outcome.err);
  for (const std::string& line : outcome.err) EXPECT_THAT(line, HasSubstr("Read-only file system"));
}

TEST_F(ContainerTest, MakesTheRootReadOnly) {
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

TEST_F(ContainerTest, BindsFilesAndDirectoriesMakingWhatIsMissing) {
  StartSandbox();
  TestImage other;
  other.Write("note", "from the host\n");
  ContainerPlan plan =
      MinimalPlan(TestId(1), {"sh", "-c",
                              "cat /etc/some/note; echo more >> /etc/some/note; ls -d /vol/x; "
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

TEST_F(ContainerTest, AMissingSourceThatMustExistIsAnErrorAtEachStart) {
  StartSandbox();
  TestImage other;
  for (int start = 1; start <= 2; ++start) {
    ContainerPlan plan = MinimalPlan(TestId(start), {"true"});
    MountStep missing;
    missing.source = other.path() + "/disk/not/mounted";
    missing.target = "/vol";
    missing.source_must_exist = true;
    plan.mounts.push_back(missing);
    auto started = daemon_.Start(plan, image_);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().os_errno, ENOENT);
    EXPECT_THAT(started.error().ToString(), HasSubstr("mount source"));
    EXPECT_THAT(started.error().ToString(), HasSubstr(missing.source));
    EXPECT_NE(access((other.path() + "/disk").c_str(), F_OK), 0);
  }
}

TEST_F(ContainerTest, SaysThatADirectoryAndAFileCannotBeMountedOnEachOther) {
  StartSandbox();
  TestImage other;
  other.Write("file", "");
  ASSERT_EQ(mkdir((other.path() + "/directory").c_str(), 0755), 0);
  struct Case {
    const char* source;
    const char* target;
    const char* words;
  };
  for (const Case& wrong : {Case{"/directory", "/etc/passwd", "the source is a directory, the target is not"},
                            Case{"/file", "/etc", "the target is a directory, the source is not"}}) {
    ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
    MountStep bind;
    bind.source = other.path() + wrong.source;
    bind.target = wrong.target;
    plan.mounts.push_back(bind);
    auto started = daemon_.Start(plan, image_);
    ASSERT_FALSE(started) << wrong.target;
    EXPECT_EQ(started.error().code, Code::kInvalidArgument);
    EXPECT_THAT(started.error().ToString(), HasSubstr(std::string(wrong.target) + ": " + wrong.words));
  }
}

TEST_F(ContainerTest, FollowsADanglingSymlinkInsideTheRootForAMountTarget) {
  StartSandbox();
  ASSERT_EQ(symlink("../run/systemd/stub.conf", (image_.path() + "/etc/resolv.conf").c_str()), 0);
  TestImage other;
  other.Write("resolv", "nameserver 192.0.2.1\n");
  ContainerPlan plan = MinimalPlan(TestId(1), {"cat", "/run/systemd/stub.conf"});
  MountStep file;
  file.source = other.path() + "/resolv";
  file.target = "/etc/resolv.conf";
  file.source_must_exist = true;
  plan.mounts.push_back(file);
  EXPECT_THAT(Run(plan).out, ElementsAre("nameserver 192.0.2.1"));
}

TEST_F(ContainerTest, RunsAsTheUserWithItsGroupsAndHome) {
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

TEST_F(ContainerTest, ReportsTheResolvedUser) {
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

TEST_F(ContainerTest, SetsCapabilities) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"grep", "^Cap", "/proc/self/status"});
  ContainerOutcome root = Run(plan);
  EXPECT_THAT(root.out, ElementsAre("CapInh:\t0000000000000000", "CapPrm:\t00000000a80425fb",
                                    "CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb",
                                    "CapAmb:\t0000000000000000"));
  plan.container_id = TestId(2);
  plan.process.user.uid = 1000;
  plan.process.capabilities.inheritable = plan.process.capabilities.ambient = 1
                                                                              << 10;  // CAP_NET_BIND_SERVICE
  ContainerOutcome user = Run(plan);
  EXPECT_THAT(user.out, ElementsAre("CapInh:\t0000000000000400", "CapPrm:\t0000000000000400",
                                    "CapEff:\t0000000000000400", "CapBnd:\t00000000a80425fb",
                                    "CapAmb:\t0000000000000400"));
}

TEST_F(ContainerTest, SetsNoNewPrivilegesRlimitsUmaskAndSignals) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(
      TestId(1),
      {"sh", "-c", "grep -E '^(NoNewPrivs|SigBlk|SigIgn)' /proc/self/status; umask; ulimit -n; ulimit -Hn"});
  plan.process.no_new_privileges = true;
  plan.process.rlimits = {{RLIMIT_NOFILE, 100, 200}};
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre("SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000",
                                       "NoNewPrivs:\t1", "0022", "100", "200"));
}

TEST_F(ContainerTest, ClampsLimitsThatTheHostDoesNotLetItRaise) {
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

TEST_F(ContainerTest, NamesAMissingExecutable) {
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

TEST_F(ContainerTest, GivesATerminalAndLogsIt) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(
      TestId(1), {"sh", "-c",
                  "tty; stat -c %U:%t:%T /dev/console; stat -c %u /dev/pts/0; for f in 0 1 2; do readlink "
                  "/proc/self/fd/$f; done; "
                  "echo to-the-tty > /dev/tty; ls /proc/self/fd | wc -l; echo err >&2; seq 1 3000"});
  plan.process.terminal = true;
  plan.process.user.uid = 1000;
  ContainerOutcome outcome = Run(plan);
  for (std::string& line : outcome.out) line.pop_back();  // the terminal's \r
  ASSERT_EQ(outcome.out.size(), 3009U);
  outcome.out.resize(9);
  EXPECT_THAT(outcome.out, ElementsAre("/dev/pts/0", "app:88:0", "1000", "/dev/pts/0", "/dev/pts/0",
                                       "/dev/pts/0", "to-the-tty", "4", "err"));
}

TEST_F(ContainerTest, ATerminalNeedsTheGenuineMultiplexer) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.terminal = true;
  std::erase_if(plan.mounts, [](const MountStep& step) { return step.kind == MountKind::kDevpts; });
  EXPECT_FALSE(daemon_.Start(plan, image_));
}

TEST_F(ContainerTest, KeepsTheInputOpenWhenAsked) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"readlink", "/proc/self/fd/0"});
  EXPECT_THAT(Run(plan).out, ElementsAre("/dev/null"));
  plan.container_id = TestId(2);
  plan.stdin_open = true;
  EXPECT_THAT(Run(plan).out, ElementsAre(HasSubstr("pipe:")));
}

TEST_F(ContainerTest, NamesAnUnknownUser) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.user.name = "nobody-here";
  auto started = daemon_.Start(plan, image_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().subject, "nobody-here");
}

}  // namespace
}  // namespace davit::shim
