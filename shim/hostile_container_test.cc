// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Containers that mean harm: the rules that concern the shim, each with what would happen without it.
#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/testing/hostile_fixture.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;

// Rule 1: a descriptor of the runtime's as working directory leads out of the container (CVE-2024-21626).
TEST_F(HostileTest, Rule1RefusesDescriptorsAsWorkingDirectory) {
  StartSandbox();
  fs::create_symlink("/proc/self/fd", image_.path() + "/fds");
  for (int fd = 3; fd <= 64; ++fd) {
    for (const char* prefix : {"/proc/self/fd/", "/fds/"}) {
      ContainerPlan plan = MinimalPlan(TestId(1), {"ls", "-a", "."});
      plan.process.cwd = prefix + std::to_string(fd);
      Error error = FailStart(plan);
      EXPECT_THAT(error.step, HasSubstr("working directory")) << plan.process.cwd;
    }
  }
}

TEST_F(HostileTest, Rule1RefusesDescriptorsAsWorkingDirectoryOfAnExec) {
  StartSandbox();
  fs::create_symlink("/proc/self/fd", image_.path() + "/fds");
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  plan.process.args = {"true"};
  for (int fd = 3; fd <= 64; ++fd) {
    for (const char* prefix : {"/proc/self/fd/", "/fds/"}) {
      plan.process.cwd = prefix + std::to_string(fd);
      auto outcome = daemon_.Exec(TestId(1), plan.process);
      ASSERT_FALSE(outcome) << plan.process.cwd;
      EXPECT_THAT(outcome.error().step, HasSubstr("working directory"));
    }
  }
}

TEST_F(HostileTest, Rule1ThePayloadHasThreeDescriptors) {
  StartSandbox();
  EXPECT_THAT(Run(MinimalPlan(TestId(1), {"ls", "/proc/self/fd"})).out, ElementsAre("0", "1", "2", "3"));
  ContainerPlan with_stdin = MinimalPlan(TestId(2), {"ls", "/proc/self/fd"});
  with_stdin.stdin_open = true;
  EXPECT_THAT(Run(with_stdin).out, ElementsAre("0", "1", "2", "3"));  // 3 is the directory that ls reads
}

// Rule 2: an entry point that makes the kernel run the runtime's own program with a container's arguments
// (CVE-2019-5736).
TEST_F(HostileTest, Rule2TheShimsProgramIsSealedAndUselessInside) {
  StartSandbox();
  std::string exe = "/proc/" + std::to_string(daemon_.shim().pid) + "/exe";
  UniqueFd program = std::move(*OpenAt(AT_FDCWD, exe, O_RDONLY));
  int seals = fcntl(program.get(), F_GET_SEALS);
  ASSERT_GE(seals, 0) << "it is a file of a disk";
  EXPECT_EQ(seals & (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
            F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  std::string before = *ReadFile(exe, 64 << 20);

  image_.Write("bin/evil", "#!/proc/self/exe\n", 0755);
  ContainerOutcome outcome = Run(MinimalPlan(TestId(1), {"/bin/evil"}));
  EXPECT_NE(outcome.exit.exit_code, 0);
  Run(Privileged(2, {"sh", "-c", "for p in /proc/[0-9]*; do echo evil > $p/exe; done; true"}));
  EXPECT_EQ(before, *ReadFile(exe, 64 << 20));
}

// What looks a user or a converter up by way of shared libraries finds those of the container.
TEST_F(HostileTest, Rule2TheShimLoadsNoLibraries) {
  StartSandbox();  // exec(2) lets its parent go on a little before the process has its new program
  std::string program = *ReadFile("/proc/" + std::to_string(daemon_.shim().pid) + "/exe", 64 << 20);
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(program.data());
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(program.data() + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i) {
    EXPECT_NE(segments[i].p_type, uint32_t{PT_INTERP});
    EXPECT_NE(segments[i].p_type, uint32_t{PT_DYNAMIC});
  }
  EXPECT_EQ(program.find("nsswitch.conf"), std::string::npos);
  EXPECT_LT(program.size(), 1U << 20);  // every pod has a copy
}

// Rule 8: inheritable capabilities turn file capabilities of a user's programs into real ones
// (CVE-2022-29162).
TEST_F(HostileTest, Rule8InheritableCapabilitiesStayEmpty) {
  StartSandbox();
  for (bool root : {true, false}) {
    ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
    plan.process.capabilities.inheritable = kDefaultCapabilities;
    if (!root) plan.process.user.uid = 1000;
    auto started = daemon_.Start(plan, image_);
    ASSERT_TRUE(started);
    auto status = ReadFile("/proc/" + std::to_string(started->info.pid) + "/status");
    EXPECT_THAT(*status, HasSubstr("CapInh:\t0000000000000000"));
    ProcessPlan exec = plan.process;
    exec.args = {"grep", "CapInh", "/proc/self/status"};
    auto outcome = daemon_.Exec(TestId(1), exec);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_EQ(outcome->out, "CapInh:\t0000000000000000\n");
    ASSERT_TRUE(daemon_.Kill(TestId(1)));
    ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
  }
}

TEST_F(HostileTest, TheFilterHoldsWithAndWithoutNoNewPrivileges) {
  StartSandbox();
  // sethostname fails with an error that nothing else gives; all else is allowed.
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  std::string program(reinterpret_cast<const char*>(filter), sizeof filter);
  for (bool no_new_privileges : {false, true}) {
    unsigned id = no_new_privileges ? 2 : 1;
    ContainerPlan plan = Privileged(id, {"sh", "-c", "grep Seccomp: /proc/self/status; hostname x 2>&1"});
    plan.process.seccomp = true;
    plan.process.no_new_privileges = no_new_privileges;
    auto fds = daemon_.ContainerFds(plan, image_);
    fds->Add(FdRole::kSeccomp, std::move(*MakeSealedMemfd("filter", program)));
    ASSERT_TRUE(daemon_.Start(plan, std::move(*fds)));
    ContainerOutcome outcome = daemon_.Outcome(*daemon_.AwaitExit(plan.container_id));
    EXPECT_THAT(outcome.out, ElementsAre("Seccomp:\t2", HasSubstr("Inappropriate ioctl")));
  }
}

// Rule 19: whatever of the runtime's runs inside a pod has nothing to show, not even to a privileged sibling.
TEST_F(HostileTest, Rule19ThePodsPid1IsEmpty) {
  SandboxPlan sandbox = Sandbox();
  sandbox.shared_pid = true;
  StartSandbox(sandbox);
  ContainerPlan plan =
      Privileged(1, {"sh", "-c",
                     "ls -A /proc/1/root | wc -l; ls -A /proc/1/cwd | wc -l; ls /proc/1/fd | wc -l; wc -c < "
                     "/proc/1/environ; "
                     "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/1/status; wc -l < /proc/1/mountinfo; "
                     "touch /proc/1/root/x 2>/dev/null || echo read-only; grep -c davit-shim /proc/1/maps; "
                     "for n in net ipc uts; do test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) "
                     "&& echo same; done"});
  plan.pid = NamespaceUse::kPod;
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(
      outcome.out,
      ElementsAre("0", "0", "0", "0", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000",
                  "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
                  "NoNewPrivs:\t1", "Seccomp:\t2", "1", "read-only", "0", "same", "same", "same"))
      << ::testing::PrintToString(outcome.err);
}

TEST_F(HostileTest, Rule19APlainRootOfThePodCannotEvenLookAtPid1) {
  SandboxPlan sandbox = Sandbox();
  sandbox.shared_pid = true;
  StartSandbox(sandbox);
  ContainerPlan plan = MinimalPlan(
      TestId(1),
      {"sh", "-c", "ls /proc/1/root; ls /proc/1/fd; readlink /proc/1/exe; cat /proc/1/maps; true"});
  plan.pid = NamespaceUse::kPod;
  ContainerOutcome outcome = Run(plan);
  EXPECT_THAT(outcome.out, ElementsAre());
}

// Holds whoever executes /bin/program at the execve, so that a container can look at it.
class GateAtExec {
 public:
  explicit GateAtExec(const TestImage& image) : root_(image.path()) {
    const std::string program = root_ + "/bin/program";
    fs::copy_file("/bin/busybox", program);
    for (const char* fifo : {"/look", "/seen"}) mkfifo((root_ + fifo).c_str(), 0600);
    fd_.Reset(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
    ready_ =
        fd_ && fanotify_mark(fd_.get(), FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, program.c_str()) == 0;
  }
  bool ready() const { return ready_; }

  // The command of the container that looks: at each process $p but its own.
  static std::vector<std::string> Look(const std::string& at_process) {
    return {"sh", "-c",
            "read go < /look; for p in /proc/[2-9]*; do echo process; " + at_process + "; done > /seen"};
  }
  // What it has written. The program goes on then.
  std::string WhatIsSeen() {
    fanotify_event_metadata event{};
    EXPECT_EQ(read(fd_.get(), &event, sizeof event), static_cast<ssize_t>(sizeof event));
    UniqueFd opened(event.fd);
    std::ofstream(root_ + "/look") << "go\n";
    std::string seen = *ReadFile(root_ + "/seen");
    fanotify_response allow{event.fd, FAN_ALLOW};
    EXPECT_EQ(write(fd_.get(), &allow, sizeof allow), static_cast<ssize_t>(sizeof allow));
    return seen;
  }

 private:
  std::string root_;
  UniqueFd fd_;
  bool ready_ = false;
};

// Until it executes its program a process is a fork of the shim, whatever it has joined and given up already
// (CVE-2016-9962).
TEST_F(HostileTest, Rule19AProcessOnItsWayInShowsNothingOfTheShim) {
  StartSandbox();
  GateAtExec gate(image_);
  if (!gate.ready()) GTEST_SKIP() << "needs fanotify's permission events";
  ContainerPlan plan =
      MinimalPlan(TestId(1), gate.Look("for l in $p/exe $p/cwd $p/root $p/fd/*; do readlink "
                                       "$l; done; cat $p/environ $p/maps; head -c 1 $p/mem"));
  ASSERT_TRUE(daemon_.Start(plan, image_));
  plan.process.args = {"program", "true"};
  std::thread entering([&] { EXPECT_TRUE(daemon_.Exec(TestId(1), plan.process)); });

  EXPECT_EQ(gate.WhatIsSeen(), "process\n");
  entering.join();
}

// With CAP_SYS_PTRACE its descriptors are to be seen all the same, and followed.
TEST_F(HostileTest, Rule19AProcessOnItsWayInHasItsOwnDescriptorsOnly) {
  StartSandbox();
  GateAtExec gate(image_);
  if (!gate.ready()) GTEST_SKIP() << "needs fanotify's permission events";
  ASSERT_TRUE(daemon_.Start(Privileged(1, gate.Look("for l in $p/fd/*; do readlink $l; done")), image_));
  ProcessPlan exec = MinimalPlan(TestId(1), {"program", "true"}).process;
  std::thread entering([&] { EXPECT_TRUE(daemon_.Exec(TestId(1), exec)); });

  std::istringstream seen(gate.WhatIsSeen());
  entering.join();
  std::map<std::string, int> count;
  for (std::string line; std::getline(seen, line);) ++count[line.substr(0, line.find(':'))];
  EXPECT_THAT(count, IsSupersetOf({Pair("/", 1), Pair("socket", 1)}));  // its root, its end of the shim's
  for (const auto& [kind, number] : count)
    EXPECT_THAT(kind, AnyOf("process", "/", "socket", "pipe", "/dev/null", "/null"));
}

}  // namespace
}  // namespace davit::shim
