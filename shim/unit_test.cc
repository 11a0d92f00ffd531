// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The parts of the shim that decide something, without a process or a mount.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/cgroup_sweep.h"
#include "shim/exec_outcome.h"
#include "shim/init/account_files.h"
#include "shim/init/capabilities.h"
#include "shim/init/cgroup_view.h"
#include "shim/init/executable.h"
#include "shim/init/identity.h"
#include "shim/init/mounts.h"
#include "shim/init/sandbox_setup.h"
#include "shim/init/target.h"
#include "shim/oom.h"
#include "shim/plan.h"
#include "shim/reaper_program.h"
#include "shim/role_fds.h"
#include "shim/timers.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kPasswd[] =
    "# a comment\n"
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken line\n"
    ":x:5:5::/:\n"
    "big:x:4294967295:1::/:\n"
    "negative:x:-1:1::/:\n"
    "app:x:1000:100:an app:/home/app:/bin/sh\n"
    "app:x:1001:101:its twin:/home/twin:/bin/sh\n"
    "1234:x:1002:102::/home/digits:/bin/sh\n"
    "homeless:x:1003:103:::\n"
    "noshell:x:1004:104::/home/noshell";
constexpr char kGroup[] =
    "root:x:0:\n"
    "users:x:100:\n"
    "audio:x:29:app,other\n"
    "video:x:44:other,app\n"
    "apples:x:45:apple\n"
    "bad:x:x:app\n"
    "77:x:77:app\n"
    "last:x:46:app";

TEST(AccountFiles, TakesTheFirstUserThatMatches) {
  EXPECT_EQ(FindUserByName(kPasswd, "app")->uid, 1000U);
  EXPECT_EQ(FindUserByName(kPasswd, "app")->home, "/home/app");
  EXPECT_EQ(FindUserById(kPasswd, 1001)->home, "/home/twin");
  EXPECT_EQ(FindUserByName(kPasswd, "noshell")->home, "/home/noshell");
}

TEST(AccountFiles, PassesOverMalformedEntries) {
  for (const char* name : {"broken line", "", "big", "negative", "nobody"})
    EXPECT_FALSE(FindUserByName(kPasswd, name));
  EXPECT_FALSE(FindUserById(kPasswd, 5));
  EXPECT_FALSE(FindGroupByName(kGroup, "bad"));
}

TEST(AccountFiles, TakesShortLines) {
  constexpr char kShort[] =
      "full:x:1000:100:::\nhome:x:1001:101::/home/me\ngroup:x:1002:102\nalone:x:1003\nempty:x:1004::";
  EXPECT_EQ(FindUserByName(kShort, "home")->home, "/home/me");
  EXPECT_EQ(FindUserByName(kShort, "group")->gid, 102U);
  EXPECT_EQ(FindUserByName(kShort, "group")->home, "");
  EXPECT_EQ(FindUserByName(kShort, "alone")->uid, 1003U);
  EXPECT_EQ(FindUserByName(kShort, "alone")->gid, 0U);
  EXPECT_EQ(FindUserByName(kShort, "empty")->gid, 0U);
  EXPECT_EQ(FindGroupByName("staff:x:50", "staff"), 50U);
  EXPECT_EQ(FindGroupByName("staff:x:50:", "staff"), 50U);
}

TEST(AccountFiles, NeverInventsAUserIdOrAGroupId) {
  for (const char* line :
       {"app", "app:x", "app:x:", "app:x:one:1", "app::", "app:x::1000", "app:x:1000:one", "app:x: 1000:1"})
    EXPECT_FALSE(FindUserByName(line, "app")) << line;
  for (const char* line : {"app", "app:x", "app:x:", "app:x:one:", "app:x::member"})
    EXPECT_FALSE(FindGroupByName(line, "app")) << line;
}

TEST(AccountFiles, TakesIndentedLinesAndCarriageReturns) {
  constexpr char kDos[] = "root:x:0:0:root:/root:/bin/sh\r\n\r\napp:x:1000:100::/home/app\r\n";
  EXPECT_EQ(FindUserByName(kDos, "app")->home, "/home/app");
  EXPECT_EQ(FindUserById("  \tapp:x:1000:100::/home/app:/bin/sh  ", 1000)->name, "app");
  EXPECT_EQ(FindUserByName("app:x:1000:100\r\n", "app")->gid, 100U);
  EXPECT_EQ(FindGroupByName(" staff:x:50\r\n", "staff"), 50U);
  EXPECT_THAT(FindGroupsOfMember("\tone:x:1:other,app\r\n  two:x:2:app \n", "app"), ElementsAre(1, 2));
}

TEST(AccountFiles, FindsTheGroupsOfAMember) {
  EXPECT_THAT(FindGroupsOfMember(kGroup, "app"), ElementsAre(29, 44, 77, 46));
  EXPECT_THAT(FindGroupsOfMember(kGroup, "nobody"), IsEmpty());
}

// Rule 9 of the security rules: who one becomes is never a guess.
struct IdentityCase {
  const char* what;
  UserSpec user;
  std::optional<Identity> expected;  // nothing: an error
};

UserSpec ByUid(uint32_t uid) {
  UserSpec user;
  user.uid = uid;
  return user;
}
UserSpec ByName(std::string name, std::string group = {}) {
  UserSpec user;
  user.name = std::move(name);
  user.group = std::move(group);
  return user;
}

TEST(Rule9Identity, ResolvesOrRefuses) {
  UserSpec with_gid = ByUid(1000);
  with_gid.gid = 7;
  UserSpec with_extra = ByUid(1000);
  with_extra.supplementary = {7, 100, 7};
  UserSpec strict = with_extra;
  strict.merge_image_groups = false;
  UserSpec with_names = ByUid(5555);
  with_names.supplementary_names = {"audio", "audio"};
  UserSpec strict_names = with_names;
  strict_names.merge_image_groups = false;
  UserSpec unknown_name = ByUid(0);
  unknown_name.supplementary_names = {"nogroup"};
  UserSpec digits_name = ByUid(0);
  digits_name.supplementary_names = {"29"};
  UserSpec bad_gid = ByUid(0);
  bad_gid.gid = 0x80000000;
  UserSpec bad_extra = ByUid(0);
  bad_extra.supplementary = {0xffffffff};
  const IdentityCase cases[] = {
      {"nothing given is root", {}, Identity{0, 0, {0}, "/root"}},
      {"uid with an entry", ByUid(1000), Identity{1000, 100, {100, 29, 44, 77, 46}, "/home/app"}},
      {"uid without an entry", ByUid(5555), Identity{5555, 0, {0}, "/"}},
      {"name", ByName("app"), Identity{1000, 100, {100, 29, 44, 77, 46}, "/home/app"}},
      {"name and group", ByName("app", "audio"), Identity{1000, 29, {29, 44, 77, 46}, "/home/app"}},
      {"no home", ByName("homeless"), Identity{1003, 103, {103}, "/"}},
      {"gid wins", with_gid, Identity{1000, 7, {7, 29, 44, 77, 46}, "/home/app"}},
      {"supplementary groups once each", with_extra,
       Identity{1000, 100, {100, 7, 29, 44, 77, 46}, "/home/app"}},
      {"strict leaves the image's out", strict, Identity{1000, 100, {100, 7}, "/home/app"}},
      {"supplementary groups by name", with_names, Identity{5555, 0, {0, 29}, "/"}},
      {"by name under strict", strict_names, Identity{5555, 0, {0, 29}, "/"}},
      {"unknown supplementary name", unknown_name, std::nullopt},
      {"digits are no supplementary name", digits_name, std::nullopt},
      {"unknown name", ByName("nobody"), std::nullopt},
      {"digits are no name", ByName("1234"), std::nullopt},
      {"digits are no group", ByName("app", "77"), std::nullopt},
      {"colon", ByName("app:x"), std::nullopt},
      {"newline", ByName("app\nroot"), std::nullopt},
      {"unknown group", ByName("app", "nogroup"), std::nullopt},
      {"uid beyond 2^31-1", ByUid(0x80000000), std::nullopt},
      {"uid -1", ByUid(0xffffffff), std::nullopt},
      {"gid beyond 2^31-1", bad_gid, std::nullopt},
      {"supplementary beyond 2^31-1", bad_extra, std::nullopt},
  };
  for (const IdentityCase& one : cases) {
    auto identity = ResolveIdentity(one.user, kPasswd, kGroup);
    ASSERT_EQ(identity.has_value(), one.expected.has_value()) << one.what;
    if (!identity) continue;
    EXPECT_EQ(identity->uid, one.expected->uid) << one.what;
    EXPECT_EQ(identity->gid, one.expected->gid) << one.what;
    EXPECT_EQ(identity->groups, one.expected->groups) << one.what;
    EXPECT_EQ(identity->home, one.expected->home) << one.what;
  }
}

TEST(Capabilities, NobodyGainsWhatTheHostLacks) {
  CapabilitySets all{~0ULL, ~0ULL, ~0ULL, 0, 0};
  CapabilitySets reached = ReachableCapabilities(all, 0xff);
  EXPECT_EQ(reached.permitted, 0xffU);
  EXPECT_EQ(reached.effective, 0xffU);
}

TEST(Capabilities, InheritableIsForAmbientOnly) {
  CapabilitySets wanted{0xff, 0xff, 0xff, 0xff, 0};
  EXPECT_EQ(ReachableCapabilities(wanted, ~0ULL).inheritable, 0U);
  wanted.ambient = 0x103;
  CapabilitySets reached = ReachableCapabilities(wanted, ~0ULL);
  EXPECT_EQ(reached.inheritable, 0xffU);
  EXPECT_EQ(reached.ambient, 0x3U);  // never more than permitted and inheritable
}

TEST(Capabilities, EffectiveIsWithinPermitted) {
  EXPECT_EQ(ReachableCapabilities({~0ULL, 0xff, 0x0f, 0, 0}, ~0ULL).effective, 0x0fU);
}

TEST(ExecOutcome, IsReadFromTheKernelsFlagsWhateverTheNameIs) {
  EXPECT_FALSE(*ParseHasExecuted("5 (davit-init) Z 4 5 5 0 -1 4194636 0 0"));  // 0x40014c
  EXPECT_TRUE(*ParseHasExecuted("5 (sh) R 4 5 5 0 -1 4194304 0 0"));
  EXPECT_TRUE(*ParseHasExecuted("5 (a) Z 4 5 5 0 -1 4194636 (b) S 4 5 5 0 -1 256 0"));
  EXPECT_FALSE(ParseHasExecuted(""));
  EXPECT_FALSE(ParseHasExecuted("5 (sh) R 4 5"));
}

TEST(ExecOutcome, OfThisProcessIsThatItHasExecuted) {
  auto proc = OpenAt(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(proc);
  EXPECT_TRUE(HasExecuted(proc->get(), getpid()).value_or(false));
}

TEST(OomKills, ReadsBothForms) {
  EXPECT_EQ(ParseOomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3U);
  EXPECT_EQ(ParseOomKills("low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 9\n"), 1U);
  EXPECT_EQ(ParseOomKills("oom_kill 12\n"), 12U);
  EXPECT_EQ(ParseOomKills("oom_kill_disable 7\n"), 0U);
  EXPECT_EQ(ParseOomKills(""), 0U);
}

TEST(CgroupView, ReadsProcCgroup) {
  constexpr char kHybrid[] = "9:name=systemd:/s\n8:pids:/p\n2:cpu,cpuacct:/c\n0::/a/b\n";
  using Entry = CgroupLayout::Entry;
  EXPECT_EQ(OwnCgroup({"unified", Entry::kV2, {}}, kHybrid), "/a/b");
  EXPECT_EQ(OwnCgroup({"", Entry::kV2, {}}, "0::/only\n"), "/only");
  EXPECT_EQ(OwnCgroup({"", Entry::kV2, {}}, "8:pids:/0::/x\n"), std::nullopt);
  EXPECT_EQ(OwnCgroup({"pids", Entry::kV1, {}}, kHybrid), "/p");
  EXPECT_EQ(OwnCgroup({"cpuacct,cpu", Entry::kV1, {}}, kHybrid), "/c");
  EXPECT_EQ(OwnCgroup({"cpu", Entry::kV1, {}}, kHybrid), std::nullopt);
  EXPECT_EQ(OwnCgroup({"systemd", Entry::kV1, {}}, kHybrid), "/s");
  EXPECT_EQ(OwnCgroup({"pids", Entry::kV1, {}}, "nonsense\n8:pids\n\n"), std::nullopt);
  EXPECT_EQ(V1MountOptions("systemd", kHybrid), "name=systemd");
  EXPECT_EQ(V1MountOptions("cpu,cpuacct", kHybrid), "cpu,cpuacct");
}

TEST(Mounts, OnlySomeFilesOfProcMayBeCovered) {
  EXPECT_TRUE(MayCoverProcPath("/proc/cpuinfo"));
  for (const char* target :
       {"/proc", "/proc/", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/cpuinfo/", ""}) {
    EXPECT_FALSE(MayCoverProcPath(target)) << target;
  }
}

TEST(Sysctls, AreConfinedToNamespacesOfThePod) {
  SandboxPlan pod;
  pod.hostname = "x";
  for (const char* path :
       {"net/core/somaxconn", "kernel/shmmax", "kernel/sem", "fs/mqueue/msg_max", "kernel/domainname"}) {
    EXPECT_TRUE(CheckSysctl(pod, path)) << path;
  }
  for (const char* path :
       {"kernel/panic", "kernel/shm", "vm/overcommit_memory", "fs/file-max", "net/../vm/swappiness", ""}) {
    EXPECT_FALSE(CheckSysctl(pod, path)) << path;
  }
  pod.own_network = pod.own_ipc = false;
  pod.hostname.clear();
  for (const char* path : {"net/core/somaxconn", "kernel/shmmax", "fs/mqueue/msg_max", "kernel/domainname"}) {
    EXPECT_FALSE(CheckSysctl(pod, path)) << path;
  }
}

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    char name[] = "/tmp/davit-test-shim-XXXXXX";
    path_ = mkdtemp(name);
    fd_.Reset(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~DirectoryTest() override { fs::remove_all(path_); }

  // Where `fd` is, below the test's directory.
  std::string Where(const UniqueFd& fd) const {
    char link[4096] = {};
    EXPECT_GT(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), link, sizeof link - 1), 0);
    std::string path = link;
    return path.starts_with(path_) ? path.substr(path_.size()) : "outside: " + path;
  }
  std::string Target(const std::string& path, TargetKind kind = TargetKind::kDirectory) const {
    auto target = OpenTarget(fd_.get(), path, kind);
    return target ? Where(*target) : target.error().ToString();
  }

  std::string path_;
  UniqueFd fd_;
};

TEST_F(DirectoryTest, TargetsAreMadeWhenMissing) {
  EXPECT_EQ(Target("/a/b/c"), "/a/b/c");
  EXPECT_TRUE(fs::is_directory(path_ + "/a/b/c"));
  EXPECT_EQ(Target("/a/file", TargetKind::kFile), "/a/file");
  EXPECT_TRUE(fs::is_regular_file(path_ + "/a/file"));
  EXPECT_EQ(Target("/a/./../x//y/"), "/x/y");
}

TEST_F(DirectoryTest, TargetsFollowSymlinksInsideTheRootOnly) {
  fs::create_symlink("/../../real", path_ + "/absolute");
  fs::create_symlink("../../../up", path_ + "/relative");
  fs::create_symlink("missing/deep", path_ + "/dangling");
  EXPECT_EQ(Target("/absolute/x"), "/real/x");
  EXPECT_EQ(Target("/relative/y"), "/up/y");
  EXPECT_EQ(Target("/dangling", TargetKind::kFile), "/missing/deep");
  EXPECT_EQ(Target("/../../../etc/z"), "/etc/z");
}

TEST_F(DirectoryTest, TargetsDoNotLoop) {
  fs::create_symlink("loop", path_ + "/loop");
  auto looped = OpenTarget(fd_.get(), "/loop/x", TargetKind::kDirectory);
  ASSERT_FALSE(looped);
  EXPECT_EQ(looped.error().os_errno, ELOOP);
  fs::create_symlink("b/missing", path_ + "/a");
  fs::create_symlink("a/missing", path_ + "/b");
  looped = OpenTarget(fd_.get(), "/a", TargetKind::kDirectory);
  ASSERT_FALSE(looped);
  EXPECT_EQ(looped.error().os_errno, ELOOP);
}

// Rule 5 of the security rules: whatever the path turns into while it is resolved (CVE-2021-30465).
TEST_F(DirectoryTest, Rule5TargetsStayInsideWhilePathsAreSwapped) {
  const std::string root = path_ + "/root";
  const std::string outside = path_ + "/outside";
  for (const char* name : {"/root/a", "/outside"}) fs::create_directories(path_ + name);
  fs::create_directory_symlink(outside, root + "/b");
  fs::create_directory_symlink("../../outside", root + "/c");
  UniqueFd root_fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::jthread swapper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      renameat2(root_fd.get(), "a", root_fd.get(), "b", RENAME_EXCHANGE);
      renameat2(root_fd.get(), "a", root_fd.get(), "c", RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 300; ++i) {
    auto target = OpenTarget(root_fd.get(), "/a/" + std::to_string(i) + "/x", TargetKind::kFile);
    if (!target) continue;
    ASSERT_THAT(Where(*target), ::testing::StartsWith("/root/"));
  }
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(DirectoryTest, TargetsBelowAFileAreAnError) {
  std::ofstream(path_ + "/file") << "x";
  auto target = OpenTarget(fd_.get(), "/file/x", TargetKind::kDirectory);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().os_errno, ENOTDIR);
}

TEST_F(DirectoryTest, RealDirectoriesAreNoSymlinks) {
  fs::create_directories(path_ + "/real");
  fs::create_directory_symlink("real", path_ + "/link");
  EXPECT_TRUE(OpenRealDirectory(fd_.get(), "/real/made"));
  EXPECT_TRUE(fs::is_directory(path_ + "/real/made"));
  EXPECT_FALSE(OpenRealDirectory(fd_.get(), "/link"));
  EXPECT_FALSE(OpenRealDirectory(fd_.get(), "/link/x"));
  EXPECT_FALSE(OpenRealDirectory(fd_.get(), "/real/../.."));
}

TEST_F(DirectoryTest, ExecutablesAreFoundInPath) {
  fs::create_directories(path_ + "/one/tool");
  fs::create_directories(path_ + "/two");
  for (const char* name : {"/two/tool", "/two/plain"}) std::ofstream(path_ + name) << "x";
  fs::permissions(path_ + "/two/tool", fs::perms(0755));
  std::string search = path_ + "/none:" + path_ + "/one:" + path_ + "/two";
  EXPECT_EQ(*FindExecutable("tool", search), path_ + "/two/tool");  // a directory of that name is passed over
  EXPECT_EQ(FindExecutable("plain", search).error().os_errno, EACCES);
  EXPECT_EQ(FindExecutable("absent", search).error().os_errno, ENOENT);
  EXPECT_EQ(FindExecutable("", search).error().os_errno, ENOENT);
  EXPECT_EQ(*FindExecutable("./any/thing", search), "./any/thing");
}

TEST(Environment, TheLastAssignmentCounts) {
  std::vector<std::string> env = {"PATH=/a", "PATHS=/b", "PATH=/c", "EMPTY="};
  EXPECT_STREQ(FindVariable(env, "PATH"), "/c");
  EXPECT_STREQ(FindVariable(env, "EMPTY"), "");
  EXPECT_EQ(FindVariable(env, "PAT"), nullptr);
}

Descriptors Nulls(const std::vector<FdRole>& roles) {
  Descriptors fds;
  for (FdRole role : roles) fds.Add(role, UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
  return fds;
}

TEST(RoleFds, SortsAndRefuses) {
  auto sorted = SortByRole(Nulls({FdRole::kCgroupProcs, FdRole::kRootfs, FdRole::kCgroupProcs, FdRole::kLog}),
                           "start", "c");
  ASSERT_TRUE(sorted);
  EXPECT_TRUE(sorted->rootfs.valid());
  EXPECT_TRUE(sorted->log.valid());
  EXPECT_FALSE(sorted->seccomp.valid());
  EXPECT_EQ(sorted->cgroup.procs.size(), 2U);
  auto twice = SortByRole(Nulls({FdRole::kLog, FdRole::kLog}), "start", "c");
  EXPECT_EQ(twice.error().code, Code::kInvalidArgument);
  EXPECT_FALSE(SortByRole(Nulls({static_cast<FdRole>(99)}), "start", "c"));
  EXPECT_FALSE(SortByRole(Nulls({FdRole::kTerminal}), "start", "c")) << "it belongs to answers";
}

TEST(Plans, SurviveTheWire) {
  ContainerPlan plan;
  plan.container_id = "c";
  plan.pid = NamespaceUse::kTarget;
  plan.mounts.resize(2);
  plan.mounts[1].propagation = Propagation::kShared;
  plan.devices = {{"/dev/x", 'b', 1, 2, 0600, 3, 4, "r"}};
  plan.process.args = {"a", std::string("b\0c", 3)};
  plan.process.user.uid = 5;
  plan.process.oom_score_adj = -7;
  plan.process.rlimits = {{1, 2, 3}};
  auto decoded = Decode<ContainerPlan>(Encode(plan), "plan");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(Encode(*decoded), Encode(plan));
}

// The plan is behind a length in its request.
TEST(Plans, AreRefusedWhenCutAnywhereInTheirRequest) {
  ContainerPlan plan;
  plan.mounts.resize(1);
  plan.process.args = {"true"};
  plan.process.user.supplementary = {1, 2};
  std::string before = Encode(StartContainer{"c", 0, {}});
  std::string bytes = Encode(StartContainer{"c", 0, Encode(plan)});
  for (size_t length = before.size(); length < bytes.size(); ++length)
    EXPECT_FALSE(Decode<StartContainer>(std::string_view(bytes).substr(0, length), "start")) << length;
}

TEST(Plans, WithAnUnknownKindOfMountAreRefused) {
  ContainerPlan plan;
  plan.mounts.resize(1);
  plan.mounts[0].kind = static_cast<MountKind>(200);
  auto decoded = Decode<ContainerPlan>(Encode(plan), "plan");
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().ToString(), ::testing::HasSubstr("not known to this version: 200"));
}

TEST(Versions, AreCompatibleWhereEachUnderstandsTheOther) {
  Versions now{5, 3};
  EXPECT_TRUE(AreCompatible(now, {5, 5}));
  EXPECT_TRUE(AreCompatible(now, {3, 1}));
  EXPECT_TRUE(AreCompatible(now, {9, 5}));
  EXPECT_FALSE(AreCompatible(now, {2, 1})) << "too old";
  EXPECT_FALSE(AreCompatible(now, {9, 6})) << "too new";
  EXPECT_FALSE(AreCompatible(now, {})) << "one that does not say";
}

TEST(Timers, RunOnceInTimeAndNotWhenCancelled) {
  Timers timers;
  EXPECT_EQ(timers.NextTimeout(), -1);
  std::string ran;
  timers.Add(0, [&] { ran += "a"; });
  Timers::Id cancelled = timers.Add(0, [&] { ran += "b"; });
  timers.Add(1'000'000, [&] { ran += "c"; });
  timers.Cancel(cancelled);
  EXPECT_EQ(timers.NextTimeout(), 0);
  timers.RunDue();
  timers.RunDue();
  EXPECT_EQ(ran, "a");
  EXPECT_GT(timers.NextTimeout(), 0);
}

TEST(Timers, ACallbackMayCancelAnotherThatIsDue) {
  Timers timers;
  std::string ran;
  Timers::Id second = 0;
  timers.Add(0, [&] { timers.Cancel(second); });
  second = timers.Add(0, [&] { ran += "second"; });
  timers.RunDue();
  EXPECT_EQ(ran, "");
}

TEST(ReaperProgram, IsASmallStaticElfFile) {
  std::string_view program = ReaperProgram();
  EXPECT_EQ(program.substr(0, 4),
            "\x7f"
            "ELF");
  EXPECT_LT(program.size(), 8192U);
}

TEST(CgroupProcs, AreReadFromTheirBeginning) {
  auto memfd = MakeSealedMemfd("procs", "1\n22\n0\n333\n");
  ASSERT_TRUE(memfd);
  lseek(memfd->get(), 5, SEEK_SET);
  EXPECT_THAT(*ReadPids(memfd->get()), ElementsAre(1, 22, 333));
}

}  // namespace
}  // namespace davit::shim
