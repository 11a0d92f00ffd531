// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images, containers and clients that mean harm: the rules that concern the shim, each with what would happen
// without it.
#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/init/exec_profile.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;

constexpr uint64_t kEveryCapability = ~0ULL;

class HostileTest : public ShimTest {
 protected:
  Error FailStart(const ContainerPlan& plan) {
    auto started = daemon_.Start(plan, image_);
    if (!started) return started.error();
    ADD_FAILURE() << "it started";
    (void)daemon_.Kill(plan.container_id);
    (void)daemon_.AwaitExit(plan.container_id);
    return {};
  }
  static MountStep Bind(const std::string& source, const std::string& target) {
    MountStep step;
    step.source = source;
    step.target = target;
    return step;
  }
  ContainerPlan Privileged(unsigned id, std::vector<std::string> args) {
    ContainerPlan plan = MinimalPlan(TestId(id), std::move(args));
    plan.process.capabilities = {kEveryCapability, kEveryCapability, kEveryCapability, 0, 0};
    plan.masked_paths.clear();
    plan.read_only_paths.clear();
    return plan;
  }
};

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

// Rule 4: an image that says where procfs goes decides where the runtime's writes go (CVE-2019-16884).
TEST_F(HostileTest, Rule4RefusesSymlinksInPlaceOfKernelFilesystems) {
  StartSandbox();
  for (const char* name : {"proc", "sys", "dev"}) {
    fs::remove(image_.path() + "/" + name);
    fs::create_directory(image_.path() + "/elsewhere");
    fs::create_directory_symlink("/elsewhere", image_.path() + "/" + name);
    Error error = FailStart(MinimalPlan(TestId(1), {"true"}));
    EXPECT_THAT(error.ToString(), HasSubstr(std::string("mount /") + name));
    fs::remove(image_.path() + "/" + name);
    fs::create_directory(image_.path() + "/" + name);
  }
}

TEST_F(HostileTest, Rule4RefusesVolumesOverProcfs) {
  StartSandbox();
  fs::create_symlink("/proc/self/attr", image_.path() + "/innocent");
  for (const char* target : {"/proc/self/attr", "/proc/1/attr", "/proc", "/innocent", "/proc/sys/kernel"}) {
    ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
    plan.mounts.push_back(Bind(image_.path() + "/tmp", target));
    EXPECT_THAT(FailStart(plan).ToString(), HasSubstr(target));
  }
}

TEST_F(HostileTest, Rule4AllowsTheFilesThatContainersMayCover) {
  StartSandbox();
  image_.Write("tmp/meminfo", "MemTotal: 1 kB\n");
  ContainerPlan plan = MinimalPlan(TestId(1), {"cat", "/proc/meminfo"});
  plan.mounts.push_back(Bind(image_.path() + "/tmp/meminfo", "/proc/meminfo"));
  EXPECT_THAT(Run(plan).out, ElementsAre("MemTotal: 1 kB"));
}

// Rule 5: a mount target that turns into a symlink while it is mounted on (CVE-2021-30465).
TEST_F(HostileTest, Rule5SwappedTargetsReachNothingOutside) {
  StartSandbox();
  ScratchDir canary;
  fs::create_directories(image_.path() + "/a/x");
  fs::create_directory_symlink("/../../../../../../../.." + canary.path(), image_.path() + "/b");
  fs::create_directories(canary / "x");
  const std::string shims_mounts = "/proc/" + std::to_string(daemon_.shim().pid) + "/mountinfo";
  std::string hosts_before = *ReadFile("/proc/self/mountinfo");
  std::string shims_before = *ReadFile(shims_mounts);
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    std::string a = image_.path() + "/a";
    std::string b = image_.path() + "/b";
    while (!stop) syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), 2 /* RENAME_EXCHANGE */);
  });
  int started = 0;
  for (unsigned i = 1; i <= 100; ++i) {
    ContainerPlan plan = MinimalPlan(TestId(i), {"sh", "-c", "echo 1 > /a/x/f; echo 1 > /b/x/f; true"});
    plan.mounts.push_back(Bind(image_.path() + "/tmp", "/a/x/y"));
    plan.read_only_paths.emplace_back("/a/x");
    plan.masked_paths.emplace_back("/b/x");
    if (daemon_.Run(plan, image_)) ++started;  // not each of them: but nothing outside may change
  }
  stop = true;
  swapper.join();
  EXPECT_GT(started, 0);
  EXPECT_EQ(hosts_before, *ReadFile("/proc/self/mountinfo"));
  EXPECT_EQ(shims_before, *ReadFile(shims_mounts));
  EXPECT_TRUE(fs::is_empty(canary / "x"));
}

// Rule 6: nodes and masks that an image has prepared (CVE-2025-31133, CVE-2025-52565).
TEST_F(HostileTest, Rule6TheImagesDevIsNeverUsed) {
  StartSandbox();
  image_.Write("dev/null", "not a device");
  fs::create_symlink("/proc/sys/kernel/core_pattern", image_.path() + "/dev/zero");
  std::string before = *ReadFile("/proc/sys/kernel/core_pattern");
  ContainerOutcome outcome = Run(MinimalPlan(
      TestId(1),
      {"sh", "-c",
       "stat -c %t:%T /dev/null /dev/zero; stat -L -c %t:%T /proc/self/fd/0; echo '|/evil' > /proc/keys; "
       "echo '|/evil' > /dev/null"}));
  EXPECT_THAT(outcome.out, ElementsAre("1:3", "1:5", "1:3"));
  EXPECT_EQ(before, *ReadFile("/proc/sys/kernel/core_pattern"));
  EXPECT_EQ(*ReadFile(image_.path() + "/dev/null"), "not a device");
}

TEST_F(HostileTest, Rule6WithoutADevOfItsOwnTheStreamsAreStillTheNullDevice) {
  StartSandbox();
  image_.Write("dev/null", "not a device");
  ContainerPlan plan = MinimalPlan(TestId(1), {"stat", "-L", "-c", "%t:%T", "/proc/self/fd/0", "/proc/keys"});
  std::erase_if(plan.mounts, [](const MountStep& step) { return step.target.starts_with("/dev"); });
  EXPECT_THAT(Run(plan).out, ElementsAre("1:3", "1:3"));
}

TEST_F(HostileTest, Rule6AnExecDoesNotTrustTheContainersDevNull) {
  StartSandbox();
  ContainerPlan plan =
      Privileged(1, {"sh", "-c", "mv /dev/null /dev/gone; mknod /dev/null p; touch /done; sleep 1000"});
  ASSERT_TRUE(daemon_.Start(plan, image_));
  ASSERT_TRUE(Eventually([&] { return IsThere("/done"); }));
  ProcessPlan exec = plan.process;
  exec.args = {"stat", "-L", "-c", "%t:%T", "/proc/self/fd/0"};
  auto outcome = daemon_.Exec(TestId(1), exec);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->out, "1:3\n");
}

TEST_F(HostileTest, Rule6RefusesANodeThatIsNotTheDeviceAskedFor) {
  StartSandbox();
  image_.Write("etc/node", "a file");
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.devices = {{"/etc/node", 'c', 1, 5, 0666, 0, 0, "rwm"}};
  EXPECT_EQ(FailStart(plan).os_errno, EEXIST);
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

// Rule 10: files of users and groups that are none.
TEST_F(HostileTest, Rule10AccountFilesThatAreNotFilesAreNeverRead) {
  StartSandbox();
  ContainerPlan by_number = MinimalPlan(TestId(1), {"grep", "^Uid", "/proc/self/status"});
  by_number.process.user.uid = 1000;
  ContainerPlan by_name = by_number;
  by_name.process.user.uid.reset();
  by_name.process.user.name = "app";
  std::string passwd = image_.path() + "/etc/passwd";
  unsigned containers = 1;
  for (auto [type, device] :
       {std::pair{S_IFIFO, dev_t{0}}, {S_IFCHR, makedev(1, 5)}, {S_IFSOCK, dev_t{0}}, {S_IFDIR, dev_t{0}}}) {
    fs::remove(passwd);
    ASSERT_EQ(type == S_IFDIR ? mkdir(passwd.c_str(), 0755) : mknod(passwd.c_str(), type | 0644, device), 0);
    EXPECT_THAT(FailStart(by_name).ToString(), HasSubstr("/etc/passwd: not a regular file"));
    by_number.container_id = TestId(++containers);
    EXPECT_THAT(Run(by_number).out, ElementsAre("Uid:\t1000\t1000\t1000\t1000"));
  }
  fs::remove(passwd);
  image_.Write("etc/passwd", "");
  fs::resize_file(passwd, 100ULL << 30);
  EXPECT_EQ(FailStart(by_number).code, Code::kResourceExhausted);
  fs::remove(passwd);
  fs::create_symlink("/proc/kmsg", passwd);
  EXPECT_EQ(FailStart(by_number).subject, "/etc/passwd");
}

TEST_F(HostileTest, Rule10LooksAccountsUpInsideTheRoot) {
  StartSandbox();
  ScratchDir outside;
  FILE* file = fopen((outside / "passwd").c_str(), "w");
  fputs("outsider:x:7:7::/:/bin/sh\n", file);
  fclose(file);
  fs::remove(image_.path() + "/etc/passwd");
  fs::create_symlink(outside / "passwd", image_.path() + "/etc/passwd");
  ContainerPlan plan = MinimalPlan(TestId(1), {"true"});
  plan.process.user.name = "outsider";
  EXPECT_EQ(FailStart(plan).subject, "outsider");
}

TEST_F(HostileTest, Rule10AHomeCannotWriteAccounts) {
  StartSandbox();
  std::string before = *ReadFile(image_.path() + "/etc/passwd");
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "echo \"$HOME\""});
  plan.process.user.uid = 4242;  // has no entry: runtimes that add one copy HOME into it
  plan.process.env.emplace_back("HOME=/\nevil::0:0::/:/bin/sh");
  EXPECT_THAT(Run(plan).out, ElementsAre("/", "evil::0:0::/:/bin/sh"));
  EXPECT_EQ(*ReadFile(image_.path() + "/etc/passwd"), before);
}

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

// A procfs that an image or a volume could have made.
TEST_F(HostileTest, Rule4AProfileIsAppliedByTheRealProcfsOnly) {
  ScratchDir fake;
  std::filesystem::create_directories(fake / "7/attr/apparmor");
  std::filesystem::create_symlink("7", fake / "self");
  std::ofstream(fake / "7/attr/apparmor/exec") << "";
  UniqueFd fd(open(fake.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

  std::ofstream(fake / "7/attr/exec") << "";
  ProcessPlan by_apparmor;
  by_apparmor.apparmor_profile = "web";
  ProcessPlan by_selinux;
  by_selinux.selinux.process = "u:r:t:s0";
  for (const ProcessPlan& plan : {by_apparmor, by_selinux}) {
    auto opened = OpenExecProfile(plan, fd.get());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kPermissionDenied);
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
