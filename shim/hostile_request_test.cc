// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients and requests that mean harm: the rules that concern the shim, each with what would happen without
// it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/testing/hostile_fixture.h"

namespace davit::shim {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// Rule 18: what is malformed is refused, never guessed.
TEST_F(HostileTest, Rule18RefusesMalformedPlans) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  auto start_with = [&](const std::string& bytes) {
    auto fds = daemon_.ContainerFds(plan, image_);
    auto started = daemon_.Start(StartContainer{plan.container_id, 20'000, bytes}, std::move(*fds));
    return started ? Error{} : started.error();
  };
  std::string bytes = Encode(plan);
  EXPECT_EQ(start_with(bytes.substr(0, bytes.size() - 1)).code, Code::kDataLoss);
  EXPECT_EQ(start_with(bytes + "x").code, Code::kDataLoss);
  EXPECT_EQ(start_with(std::string(1000, '\xff')).code, Code::kDataLoss);
  EXPECT_EQ(start_with({}).code, Code::kInvalidArgument) << "nothing to run";
  EXPECT_TRUE(daemon_.Hello());
}

TEST_F(HostileTest, Rule18RefusesAPayloadThatCouldStillChange) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  UniqueFd unsealed(memfd_create("plan", MFD_CLOEXEC));
  ASSERT_TRUE(WriteAll(unsealed.get(), Encode(StartContainer{TestId(1), 20'000, Encode(plan)}), "plan"));
  auto fds = daemon_.ContainerFds(plan, image_);
  fds->Add(kPayloadRole, std::move(unsealed));
  auto answer = daemon_.Call(ShimMessage::kStartContainer, {}, std::move(*fds));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDataLoss);
  EXPECT_TRUE(daemon_.Hello());
}

TEST_F(HostileTest, Rule18RefusesRolesThatDoNotFit) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  auto twice = daemon_.ContainerFds(plan, image_);
  twice->Add(FdRole::kRootfs, std::move(*image_.Mount()));
  EXPECT_FALSE(daemon_.Start(plan, std::move(*twice)));
  auto unknown = daemon_.ContainerFds(plan, image_);
  unknown->Add(static_cast<FdRole>(200), UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
  EXPECT_FALSE(daemon_.Start(plan, std::move(*unknown)));
  auto missing = daemon_.ContainerFds(plan, image_);
  (void)missing->Take(FdRole::kRootfs);
  EXPECT_FALSE(daemon_.Start(plan, std::move(*missing)));
}

TEST_F(HostileTest, Rule18NeverRunsWithoutTheFilterThatWasAskedFor) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.seccomp = true;
  EXPECT_EQ(FailStart(plan).code, Code::kInvalidArgument);
  for (const std::string& program : {std::string(), std::string(7, 'x'), std::string(1 << 20, 'x')}) {
    auto fds = daemon_.ContainerFds(plan, image_);
    fds->Add(FdRole::kSeccomp, std::move(*MakeSealedMemfd("filter", program)));
    EXPECT_FALSE(daemon_.Start(plan, std::move(*fds)));
  }
  sock_filter nonsense[] = {{0xffff, 0, 0, 0}};
  auto fds = daemon_.ContainerFds(plan, image_);
  fds->Add(FdRole::kSeccomp,
           std::move(*MakeSealedMemfd("filter", {reinterpret_cast<const char*>(nonsense), sizeof nonsense})));
  auto started = daemon_.Start(plan, std::move(*fds));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().step, "seccomp");
}

TEST_F(HostileTest, Rule18NeverRunsWithoutTheProfileThatWasAskedFor) {
  // A kernel without AppArmor has no such file, any other no such profile.
  auto names_it = AnyOf(HasSubstr("attr/apparmor/exec"), HasSubstr("nowhere-loaded"));
  SandboxPlan pod = Sandbox();
  pod.shared_pid = true;
  StartSandbox(pod);
  ContainerPlan idle = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(idle, image_));
  idle.process.apparmor_profile = "nowhere-loaded";
  for (NamespaceUse pid : {NamespaceUse::kOwn, NamespaceUse::kHost, NamespaceUse::kPod}) {
    ContainerPlan plan = MinimalPlan(TestId(2), {"true"});
    plan.pid = pid;
    plan.process.apparmor_profile = "nowhere-loaded";
    EXPECT_THAT(FailStart(plan).subject, names_it) << static_cast<int>(pid);
  }
  auto exec = daemon_.Exec(idle.container_id, idle.process);
  ASSERT_FALSE(exec);
  EXPECT_THAT(exec.error().subject, names_it);
}

TEST_F(HostileTest, Rule18NeverRunsWithoutTheContextThatWasAskedFor) {
  // No kernel takes it, with SELinux or without.
  constexpr char kNone[] = "nobody_u:nobody_r:nowhere_t:s0";
  SandboxPlan pod = Sandbox();
  pod.shared_pid = true;
  StartSandbox(pod);
  ContainerPlan idle = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(idle, image_));
  SeLinuxPlan selinux;
  selinux.process = kNone;
  idle.process.selinux = selinux;
  for (NamespaceUse pid : {NamespaceUse::kOwn, NamespaceUse::kHost, NamespaceUse::kPod}) {
    ContainerPlan plan = MinimalPlan(TestId(2), {"true"});
    plan.pid = pid;
    plan.process.selinux = selinux;
    EXPECT_EQ(FailStart(plan).subject, kNone) << static_cast<int>(pid);
  }
  auto exec = daemon_.Exec(idle.container_id, idle.process);
  ASSERT_FALSE(exec);
  EXPECT_EQ(exec.error().subject, kNone);
}

// Nor with the files of anybody else.
TEST_F(HostileTest, Rule18NeverMountsWithoutTheContextThatWasAskedFor) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  MountStep step;
  step.kind = MountKind::kTmpfs;
  step.target = "/mnt";
  plan.mounts.push_back(step);
  SeLinuxPlan selinux;
  selinux.files = "nobody_u:object_r:nowhere_t:s0";
  plan.process.selinux = selinux;
  EXPECT_THAT(FailStart(plan).subject, HasSubstr("nowhere_t"));
}

// Rule 16: whoever is not root gets no answer, even where the socket's mode would let him in.
TEST_F(HostileTest, Rule16AnswersRootOnly) {
  std::string path = daemon_.dir() / "shim.sock";
  chmod(path.c_str(), 0777);
  pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0) _exit(1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) _exit(2);
    pollfd hung_up{fd, POLLIN, 0};
    char byte;
    _exit(poll(&hung_up, 1, 10'000) == 1 && recv(fd, &byte, 1, 0) <= 0 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(daemon_.Hello());  // the daemon's own connection is still the one
}

TEST_F(HostileTest, PassesOverGarbageAndAnswersTheNextRequest) {
  StartSandbox();
  ASSERT_TRUE(daemon_.SendRaw(std::string(100, 'x')));
  ASSERT_TRUE(daemon_.SendRaw(std::string(100'000, 'x')));
  EXPECT_TRUE(daemon_.Hello());
  EXPECT_TRUE(Eventually([&] { return daemon_.ShimLog().contains("cannot read a frame of the daemon's"); }));
}

TEST_F(HostileTest, Rule11RefusesSysctlsOfTheHost) {
  for (const char* path : {"kernel/core_pattern", "../sysrq-trigger", "net/../kernel/core_pattern",
                           "vm/swappiness", "kernel/../../1/oom_score_adj"}) {
    SandboxPlan sandbox = Sandbox();
    // Its own value: should the rule be broken, this machine is not.
    sandbox.sysctls = {{path, ReadFile(std::string("/proc/sys/") + path).value_or("")}};
    auto started = daemon_.StartSandbox(sandbox);
    ASSERT_FALSE(started) << path;
    EXPECT_THAT(started.error().ToString(), HasSubstr(path));
  }
  SandboxPlan sandbox = Sandbox();
  sandbox.own_network = false;
  sandbox.sysctls = {{"net/ipv4/ip_forward", "1"}};
  EXPECT_FALSE(daemon_.StartSandbox(sandbox));
}

}  // namespace
}  // namespace davit::shim
