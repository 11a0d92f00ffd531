// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods with a user namespace: what works inside, and what cannot be undone there.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/idmapped_mount.h"
#include "base/memfd.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint32_t kFirst = 200'000;  // the host's id of the pod's root
constexpr uint64_t kSysAdmin = uint64_t{1} << 21;

std::string NamespaceOf(const std::string& pid, const std::string& name) {
  char link[64] = {};
  EXPECT_GT(readlink(("/proc/" + pid + "/ns/" + name).c_str(), link, sizeof link - 1), 0);
  return link;
}

uid_t OwnerOf(const std::string& path) {
  struct stat st{};
  EXPECT_EQ(lstat(path.c_str(), &st), 0) << path;
  return st.st_uid;
}

class UserNamespaceTest : public ShimTest {
 protected:
  static SandboxPlan PodPlan() {
    SandboxPlan plan = Sandbox();
    plan.ids = {{0, kFirst, 65536}, {0, kFirst, 65536}};
    return plan;
  }

  void StartPod(const SandboxPlan& pod = PodPlan()) {
    StartSandbox(pod);
    Descriptors fds;
    auto hello = daemon_.Hello(&fds);
    ASSERT_TRUE(hello);
    user_namespace_ = fds.Take(FdRole::kUserNamespace);
    ASSERT_TRUE(user_namespace_);
  }

  static ContainerPlan ShellPlan(const std::string& script, unsigned id = 1) {
    ContainerPlan plan = MinimalPlan(TestId(id), {"sh", "-c", script});
    plan.ids = PodPlan().ids;
    plan.mounts[2].options = "newinstance,ptmxmode=0666,mode=0620,gid=" + std::to_string(kFirst + 5);
    return plan;
  }
  static void AddCapability(ContainerPlan& plan, uint64_t capability) {
    CapabilitySets& sets = plan.process.capabilities;
    for (uint64_t* set : {&sets.bounding, &sets.permitted, &sets.effective}) *set |= capability;
  }

  static MountStep Volume(const ScratchDir& source, const std::string& target) {
    MountStep step;
    step.source = source.path();
    step.target = target;
    step.ids = PodPlan().ids;
    return step;
  }

  Result<StartedContainer> StartIn(const ContainerPlan& plan) {
    Descriptors fds = TRY(daemon_.ContainerFds(plan, image_, &cgroup_));
    UniqueFd rootfs = fds.Take(FdRole::kRootfs);
    TRY(IdmapMount(rootfs.get(), user_namespace_.get(), "rootfs"));
    fds.Add(FdRole::kRootfs, std::move(rootfs));
    return daemon_.Start(plan, std::move(fds));
  }
  ContainerOutcome RunIn(const ContainerPlan& plan) {
    auto started = StartIn(plan);
    EXPECT_TRUE(started) << started.error().ToString();
    if (!started) return {};
    auto exit = daemon_.AwaitExit(plan.container_id);
    return exit ? daemon_.Outcome(*exit) : ContainerOutcome();
  }

  TestCgroup cgroup_;
  UniqueFd user_namespace_;
};

TEST_F(UserNamespaceTest, RootInsideIsTheMappedUserOutside) {
  StartPod();
  auto started = StartIn(ShellPlan("echo ready; read forever < /dev/zero; sleep 1000"));
  ASSERT_TRUE(started) << started.error().ToString();

  std::string process = "/proc/" + std::to_string(started->info.pid);
  EXPECT_EQ(OwnerOf(process + "/task"), kFirst);
  EXPECT_THAT(ReadFile(process + "/uid_map").value_or(""), HasSubstr("200000"));
  EXPECT_NE(NamespaceOf(std::to_string(started->info.pid), "user"), NamespaceOf("self", "user"));
}

TEST_F(UserNamespaceTest, TheFilesystemsOfTheKernelWorkInside) {
  StartPod();
  ContainerOutcome outcome = RunIn(ShellPlan(
      "id -u; cut -c1-32 /proc/self/uid_map | tr -s ' '; stat -c %u / /dev /dev/shm /dev/pts /bin/busybox; "
      "echo x > /dev/null && touch /dev/shm/file /made && stat -c %u /dev/shm/file /made; hostname; "
      "echo $$; cat /proc/self/cgroup | cut -d: -f3 | sed -n 1p; ls /sys/class/net; "
      "head -c 3 /dev/zero | wc -c; ls /dev/mqueue | wc -l; ls -A /sys/fs/cgroup | wc -l | grep -c '^0'; "
      "true"));

  EXPECT_THAT(outcome.err, IsEmpty());
  ASSERT_GE(outcome.out.size(), 14U) << ::testing::PrintToString(outcome.out);
  EXPECT_EQ(outcome.out[0], "0");
  EXPECT_EQ(outcome.out[1], " 0 200000 65536");
  std::vector<std::string> rest(outcome.out.begin() + 2, outcome.out.end());
  EXPECT_THAT(rest, ElementsAre("0", "0", "0", ::testing::_, "0", "0", "0", "pod-under-test", "1", "/", "lo",
                                "3", "0", "0"));
}

TEST_F(UserNamespaceTest, ThePodsNamespacesBelongToIt) {
  StartPod();
  ContainerPlan plan = ShellPlan(
      "hostname other && hostname; ip link set lo down && echo down; mount -t tmpfs none /tmp && echo tmpfs; "
      "mount -t proc none /tmp && echo proc");
  AddCapability(plan, kSysAdmin | uint64_t{1} << 12 /* CAP_NET_ADMIN */);
  plan.masked_paths.clear();
  plan.read_only_paths.clear();
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_THAT(outcome.out, ElementsAre("other", "down", "tmpfs", "proc"))
      << ::testing::PrintToString(outcome.err);
}

TEST_F(UserNamespaceTest, SysctlsOfEveryNamespaceOfThePodAreWritten) {
  SandboxPlan pod = PodPlan();
  pod.sysctls = {{"net/ipv4/ip_unprivileged_port_start", "0"}, {"kernel/shmmni", "4000"}};
  StartPod(pod);
  ContainerOutcome outcome =
      RunIn(ShellPlan("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni"));
  EXPECT_THAT(outcome.out, ElementsAre("0", "4000"));
}

constexpr char kReopen[] = "echo a > /dev/stdout; echo b > /dev/stderr; echo c > /proc/self/fd/1; true";

TEST_F(UserNamespaceTest, RootAndOthersInsideMayReopenTheirStandardStreams) {
  StartPod();
  for (uint32_t uid : {0U, 1000U}) {
    ContainerPlan plan = ShellPlan(kReopen, 1 + uid);
    plan.process.user.uid = uid;
    ContainerOutcome outcome = RunIn(plan);
    EXPECT_THAT(outcome.out, ElementsAre("a", "c")) << uid;
    EXPECT_THAT(outcome.err, ElementsAre("b")) << uid;

    plan.container_id = TestId(2 + uid);
    plan.process.terminal = true;
    EXPECT_THAT(RunIn(plan).out, ElementsAre("a\r", "b\r", "c\r")) << uid;
  }
}

TEST_F(UserNamespaceTest, AUserWithoutRightsIsFilteredAllTheSame) {
  const sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  StartPod();
  ContainerPlan plan = ShellPlan("grep -E '^(CapPrm|Seccomp):' /proc/self/status");
  plan.process.user.uid = 1000;
  plan.process.seccomp = true;
  auto fds = daemon_.ContainerFds(plan, image_, &cgroup_);
  ASSERT_TRUE(fds);
  std::string_view filter(reinterpret_cast<const char*>(allow_all), sizeof allow_all);
  fds->Add(FdRole::kSeccomp, *MakeSealedMemfd("filter", filter));
  auto started = daemon_.Start(plan, std::move(*fds));
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_THAT(daemon_.Outcome(*daemon_.AwaitExit(plan.container_id)).out,
              ElementsAre("CapPrm:\t0000000000000000", "Seccomp:\t2"));
}

TEST_F(UserNamespaceTest, AnExecMayReopenItsStandardStreams) {
  StartPod();
  ASSERT_TRUE(StartIn(ShellPlan("sleep 1000")));
  for (uint32_t uid : {0U, 1000U}) {
    ProcessPlan plan = ShellPlan(kReopen).process;
    plan.user.uid = uid;
    auto outcome = daemon_.Exec(TestId(1), plan);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_EQ(outcome->out, "a\nc\n") << uid;
    EXPECT_EQ(outcome->err, "b\n") << uid;
  }
}

TEST_F(UserNamespaceTest, MountsCannotBeUndoneFromInside) {
  ScratchDir volume;
  StartPod();
  ContainerPlan plan = ShellPlan(
      "mount -o remount,bind,rw /volume; umount /volume; umount /proc/keys; umount /proc; "
      "mount -o remount,bind,rw /proc/sys; touch /volume/file; true");
  AddCapability(plan, kSysAdmin);
  plan.mounts.push_back(Volume(volume, "/volume"));
  plan.mounts.back().attributes = MOUNT_ATTR_RDONLY;
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_EQ(outcome.err.size(), 6U) << ::testing::PrintToString(outcome.err);
  EXPECT_NE(access((volume / "file").c_str(), F_OK), 0);
}

TEST_F(UserNamespaceTest, AVolumeShowsItsOwnersAsTheyAreOnTheHost) {
  ScratchDir volume;
  StartPod();
  ContainerPlan plan = ShellPlan("stat -c %u /volume; touch /volume/mine; echo done");
  plan.mounts.push_back(Volume(volume, "/volume"));
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_THAT(outcome.out, ElementsAre("0", "done")) << ::testing::PrintToString(outcome.err);
  EXPECT_EQ(OwnerOf(volume / "mine"), 0U);
}

TEST_F(UserNamespaceTest, AVolumeMayHaveIdsOfItsOwn) {
  ScratchDir volume;
  ASSERT_EQ(chown(volume.path().c_str(), 7, 7), 0);
  StartPod();
  ContainerPlan plan = ShellPlan("stat -c %u /volume");
  plan.mounts.push_back(Volume(volume, "/volume"));
  plan.mounts.back().ids.uids = {0, kFirst + 100, 100};
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_THAT(outcome.out, ElementsAre("107")) << ::testing::PrintToString(outcome.err);
}

TEST_F(UserNamespaceTest, ASourceThatCannotBeIdmappedIsNamed) {
  StartPod();
  ContainerPlan plan = ShellPlan("true");
  MountStep step;
  step.source = "/proc/sys/kernel";
  step.target = "/volume";
  step.ids = plan.ids;
  plan.mounts.push_back(step);
  auto started = StartIn(plan);

  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().subject, "/proc/sys/kernel");
  EXPECT_THAT(started.error().ToString(), HasSubstr("idmapped"));
}

TEST_F(UserNamespaceTest, AnExecJoinsIt) {
  StartPod();
  ContainerPlan plan = ShellPlan("sleep 1000");
  ASSERT_TRUE(StartIn(plan));
  plan.process.args = {"sh", "-c",
                       "readlink /proc/1/ns/user; readlink /proc/self/ns/user; id -u; touch /exec"};
  auto outcome = daemon_.Exec(plan.container_id, plan.process);

  ASSERT_TRUE(outcome) << outcome.error().ToString();
  std::string user = "user:[";
  EXPECT_THAT(outcome->out, HasSubstr(user));
  EXPECT_THAT(outcome->out, Not(HasSubstr(NamespaceOf("self", "user"))));
  EXPECT_THAT(outcome->out, ::testing::EndsWith("\n0\n"));
  EXPECT_EQ(outcome->err, "");
}

TEST_F(UserNamespaceTest, ASharedPidNamespaceHasItsReaperInside) {
  SandboxPlan pod = PodPlan();
  pod.shared_pid = true;
  StartPod(pod);
  ContainerPlan plan = ShellPlan(
      "stat -c %u /proc/1; sed -n 's/^Uid:.//p' /proc/1/status; sed -n 's/^CapPrm:.//p' /proc/1/status; "
      "cat /proc/1/environ; ls /proc/1/root/ /proc/1/fd; echo end");
  plan.pid = NamespaceUse::kPod;
  AddCapability(plan, kSysAdmin | uint64_t{1} << 19 /* CAP_SYS_PTRACE */);
  ContainerOutcome outcome = RunIn(plan);

  ASSERT_GE(outcome.out.size(), 4U) << ::testing::PrintToString(outcome.err);
  EXPECT_EQ(outcome.out[1], "0\t0\t0\t0");
  EXPECT_EQ(outcome.out[2], "0000000000000000");
  EXPECT_EQ(outcome.out.back(), "end");
}

TEST_F(UserNamespaceTest, ATerminalBelongsToTheUser) {
  StartPod();
  ContainerPlan plan = ShellPlan("tty; stat -c '%u %g' /dev/pts/0; echo end");
  plan.process.terminal = true;
  plan.process.user.uid = 1000;
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_THAT(outcome.out, ElementsAre("/dev/pts/0\r", "1000 5\r", "end\r"));
}

TEST_F(UserNamespaceTest, AFailureOfTheFileTreeIsTheStartsFailure) {
  StartPod();
  ContainerPlan plan = ShellPlan("true");
  MountStep step;
  step.source = "/dev/null/nothing";
  step.target = "/volume";
  plan.mounts.push_back(step);
  auto started = StartIn(plan);

  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("/dev/null/nothing"));
  ContainerOutcome again = RunIn(ShellPlan("echo fine", 2));
  EXPECT_THAT(again.out, ElementsAre("fine"));
}

TEST_F(UserNamespaceTest, AHostDeviceStaysTheHosts) {
  StartPod();
  ContainerPlan plan = ShellPlan("stat -c '%u %a' /dev/theirs; cat < /dev/theirs; true");
  plan.devices = {{"/dev/theirs", 'c', 1, 5, 0600, 0, 0, "rwm"}};
  ContainerOutcome outcome = RunIn(plan);

  EXPECT_THAT(outcome.out, ElementsAre("65534 600"));
  EXPECT_THAT(outcome.err, ElementsAre(HasSubstr("Permission denied")));
}

TEST_F(UserNamespaceTest, NothingRunsWithoutTheProfileThatWasAskedFor) {
  StartPod();
  ContainerPlan plan = ShellPlan("true");
  plan.process.apparmor_profile = "nowhere-loaded";

  auto started = daemon_.Start(plan, image_);

  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().subject, AnyOf(HasSubstr("attr/apparmor/exec"), HasSubstr("nowhere-loaded")));
}

TEST_F(UserNamespaceTest, NothingRunsWithoutTheContextThatWasAskedFor) {
  StartPod();
  ContainerPlan plan = ShellPlan("true");
  plan.process.selinux.process = "nobody_u:nobody_r:nowhere_t:s0";

  auto started = daemon_.Start(plan, image_);

  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().subject, "nobody_u:nobody_r:nowhere_t:s0");
}

}  // namespace
}  // namespace davit::shim
