// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images and volumes that mean harm: the rules that concern the shim, each with what would happen without it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "shim/init/exec_profile.h"
#include "shim/testing/hostile_fixture.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

MountStep Bind(const std::string& source, const std::string& target) {
  MountStep step;
  step.source = source;
  step.target = target;
  return step;
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

}  // namespace
}  // namespace davit::shim
