// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/cgroup_host.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <chrono>
#include <set>
#include <thread>

#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/host/cgroup/testing/test_tree.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kMountPoint[] = "/sys/fs/cgroup";

// The real kernel, as each of the three kinds of host as far as this one can be seen as one:
// - "host": as it is
// - "v1": its v1 hierarchies alone, by links
// - "v2": a cgroup of its v2 hierarchy in the role of the root
class CgroupHostTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Result<CgroupHost> real = CgroupHost::Probe(kMountPoint);
    if (!real) GTEST_SKIP() << "no cgroups on this machine: " << real.error().ToString();
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make cgroups";
    std::string mount_point = kMountPoint;
    if (GetParam() == "v1") mount_point = LinkV1(*real);
    if (GetParam() == "v2") mount_point = MakeV2Root(*real);
    if (mount_point.empty()) GTEST_SKIP() << "this machine has no cgroup " << GetParam();
    Result<CgroupHost> host = CgroupHost::Probe(mount_point);
    ASSERT_TRUE(host) << host.error().ToString();
    host_.emplace(std::move(*host));
    top_ = "/davit-test-" + std::to_string(getpid()) + "-" + GetParam();
    path_ = top_ + "/pod/container";
  }

  void TearDown() override {
    if (host_) {
      EXPECT_TRUE(host_->Remove(top_));
      EXPECT_FALSE(*host_->Populated(top_));
    }
    if (!v2_root_.empty()) {
      EXPECT_EQ(rmdir(v2_root_.c_str()), 0) << v2_root_;
    }
  }

  std::string LinkV1(const CgroupHost& real) {
    if (real.mode() == CgroupMode::kV2) return "";
    for (const CgroupHierarchy& hierarchy : real.hierarchies()) {
      if (hierarchy.v2) continue;
      std::filesystem::create_directory_symlink(std::string(kMountPoint) + "/" + hierarchy.name,
                                                tree_.path() + "/" + hierarchy.name);
    }
    return tree_.path();
  }

  std::string MakeV2Root(const CgroupHost& real) {
    for (const CgroupHierarchy& hierarchy : real.hierarchies()) {
      if (!hierarchy.v2) continue;
      v2_root_ =
          std::string(kMountPoint) + "/" + hierarchy.name + "/davit-test-root-" + std::to_string(getpid());
      EXPECT_EQ(mkdir(v2_root_.c_str(), 0755), 0);
    }
    return v2_root_;
  }

  Result<> Create(const CgroupResources& resources = {}, const std::vector<DeviceRule>& devices = {}) {
    return host_->Create(path_, resources, devices);
  }
  bool Exists(const CgroupHierarchy& hierarchy, const std::string& path) const {
    return faccessat(hierarchy.dir.get(), path.c_str() + 1, F_OK, 0) == 0;
  }
  int CountWhere(const std::string& path) const {
    return static_cast<int>(
        std::ranges::count_if(host_->hierarchies(), [&](const auto& h) { return Exists(h, path); }));
  }
  int HierarchyCount() const { return static_cast<int>(host_->hierarchies().size()); }
  std::string ReadIn(std::string_view controller, const std::string& file) const {
    const CgroupHierarchy* hierarchy = FindController(host_->hierarchies(), controller);
    return ReadFileAt(hierarchy->dir.get(), path_.substr(1) + "/" + file).value_or("(missing)");
  }
  void Join(pid_t pid) {
    Result<ShimCgroupFds> fds = host_->OpenForShim(path_);
    ASSERT_TRUE(fds) << fds.error().ToString();
    std::string text = std::to_string(pid);
    for (const UniqueFd& procs : fds->procs) {
      ASSERT_EQ(write(procs.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()))
          << strerror(errno);
    }
  }

  TestTree tree_;
  std::string v2_root_;
  std::optional<CgroupHost> host_;
  std::string top_;
  std::string path_;
};

TEST_P(CgroupHostTest, CreateMakesTheCgroupEverywhereAndRemoveUnmakesIt) {
  Result<> created = Create();
  ASSERT_TRUE(created) << created.error().ToString();
  EXPECT_EQ(CountWhere(path_), HierarchyCount());
  EXPECT_THAT(*host_->Children(top_ + "/pod"), ElementsAre("container"));

  EXPECT_TRUE(host_->Remove(path_));
  EXPECT_EQ(CountWhere(path_), 0);
  EXPECT_THAT(*host_->Children(top_ + "/pod"), IsEmpty());
  EXPECT_TRUE(host_->Remove(path_)) << "idempotent";
}

TEST_P(CgroupHostTest, AnyProcessCanJoinWhatCreateMade) {
  ASSERT_TRUE(Create());
  EXPECT_FALSE(*host_->Populated(path_));
  TestProcess process;
  Join(process.pid());
  EXPECT_TRUE(*host_->Populated(path_));
  EXPECT_TRUE(*host_->Populated(top_)) << "below it";
  std::string membership = *ReadFile("/proc/" + std::to_string(process.pid()) + "/cgroup");
  for (const CgroupHierarchy& hierarchy : host_->hierarchies()) {
    EXPECT_THAT(*PidsBelow(hierarchy, path_.substr(1)), ElementsAre(process.pid()))
        << hierarchy.name << membership;
  }
}

TEST_P(CgroupHostTest, AChildThatIsBornInV2AndMovesItselfInV1NeedsNobodyElse) {
  ASSERT_TRUE(Create());
  Result<ShimCgroupFds> fds = host_->OpenForShim(path_);
  ASSERT_TRUE(fds) << fds.error().ToString();
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  clone_args args{};
  args.exit_signal = SIGCHLD;
  if (fds->unified) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(fds->unified.get());
  }
  pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  ASSERT_GE(pid, 0) << strerror(errno);
  if (pid == 0) {
    bool moved = true;
    for (size_t i = fds->unified ? 1 : 0; i < fds->procs.size(); ++i) {
      moved = moved && write(fds->procs[i].get(), "0", 1) == 1;
    }
    moved = moved && write(ready[1], "x", 1) == 1;
    _exit(moved ? pause() : 1);
  }
  close(ready[1]);
  char byte;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  for (const CgroupHierarchy& hierarchy : host_->hierarchies()) {
    EXPECT_THAT(*PidsBelow(hierarchy, path_.substr(1)), ElementsAre(pid)) << hierarchy.name;
  }
  close(ready[0]);
  EXPECT_TRUE(host_->Kill(path_));
  waitpid(pid, nullptr, 0);
}

TEST_P(CgroupHostTest, AnEmptyLeftoverIsReplaced) {
  ASSERT_TRUE(Create());
  Result<> again = Create();
  EXPECT_TRUE(again) << again.error().ToString();
}

TEST_P(CgroupHostTest, ACgroupInUseIsNotReplaced) {
  ASSERT_TRUE(Create());
  TestProcess process;
  Join(process.pid());
  Result<> again = Create();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_EQ(CountWhere(path_), HierarchyCount());
}

TEST_P(CgroupHostTest, AFailureLeavesNothing) {
  CgroupResources resources;
  resources.hugepages = {{"3KB", 1}};  // a size that no machine has
  ASSERT_FALSE(Create(resources));
  EXPECT_EQ(CountWhere(top_), 0);
}

TEST_P(CgroupHostTest, MalformedPathsReachNoFile) {
  for (std::string bad : {"/davit-test/../x", "/", ""}) {
    EXPECT_EQ(host_->Create(bad, {}, {}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(host_->Update(bad, {}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(host_->OpenForShim(bad).error().code, Code::kInvalidArgument);
  }
}

// Whatever a record holds: a container whose cgroup could never be made must be removable.
TEST_P(CgroupHostTest, RemovalTakesAnyPath) {
  ASSERT_TRUE(Create());
  for (std::string odd : {std::string("/davit-test/../x"), std::string("rel/x"), std::string("/a//b/"),
                          std::string("/"), std::string(), std::string("/a\nb"), "/" + std::string(300, 'x'),
                          "/" + std::string(9000, '/'), path_ + "/cgroup.procs/x"}) {
    Result<> killed = host_->Kill(odd);
    EXPECT_TRUE(killed) << odd << ": " << killed.error().ToString();
    Result<bool> populated = host_->Populated(odd);
    EXPECT_TRUE(populated && !*populated) << odd;
    Result<> removed = host_->Remove(odd);
    EXPECT_TRUE(removed) << odd << ": " << removed.error().ToString();
  }
  EXPECT_EQ(CountWhere(path_), HierarchyCount()) << "none of them was this one";
}

TEST_P(CgroupHostTest, APathInAnotherFormIsTheSameCgroup) {
  const std::string odd = path_.substr(1) + "//inner/";
  Result<> created = host_->Create(odd, {}, {});
  ASSERT_TRUE(created) << created.error().ToString();
  EXPECT_EQ(CountWhere(path_ + "/inner"), HierarchyCount());
  EXPECT_TRUE(host_->Remove(odd));
  EXPECT_EQ(CountWhere(path_ + "/inner"), 0);
}

TEST_P(CgroupHostTest, KillEndsEverythingBelowAndWaits) {
  ASSERT_TRUE(Create());
  int forked[2];
  ASSERT_EQ(pipe2(forked, O_CLOEXEC), 0);
  TestProcess parent([&forked] {
    for (int i = 0; i < 5; ++i) {
      if (fork() == 0) return pause();
    }
    return write(forked[1], "x", 1) == 1 ? pause() : 1;
  });
  TestProcess outside;
  Join(parent.pid());
  parent.Go();
  char byte;
  ASSERT_EQ(read(forked[0], &byte, 1), 1);
  Result<> killed = host_->Kill(top_);
  ASSERT_TRUE(killed) << killed.error().ToString();
  EXPECT_FALSE(*host_->Populated(top_));
  EXPECT_EQ(WTERMSIG(parent.Wait()), SIGKILL);
  EXPECT_EQ(kill(outside.pid(), 0), 0) << "not in the cgroup";
  close(forked[0]);
  close(forked[1]);
}

TEST_P(CgroupHostTest, KillEndsAForkBomb) {
  CgroupResources resources;
  if (!host_->HasController("pids")) GTEST_SKIP() << "needs the pids controller to bound the bomb";
  resources.pids_limit = 30;
  ASSERT_TRUE(Create(resources));
  TestProcess bomb([]() -> int {
    signal(SIGCHLD, SIG_IGN);
    while (true) fork();
  });
  Join(bomb.pid());
  bomb.Go();
  Result<> killed = host_->Kill(path_);
  EXPECT_TRUE(killed) << killed.error().ToString();
  EXPECT_FALSE(*host_->Populated(path_));
}

TEST_P(CgroupHostTest, KillEndsFrozenProcesses) {
  const CgroupHierarchy* freezer = FindController(host_->hierarchies(), "freezer");
  bool v2 = host_->hierarchies()[0].v2;
  if (freezer == nullptr && !v2) GTEST_SKIP() << "this machine has no freezer controller";
  ASSERT_TRUE(Create());
  TestProcess process;
  Join(process.pid());
  const CgroupHierarchy& hierarchy = v2 ? host_->hierarchies()[0] : *freezer;
  ASSERT_TRUE(WriteFileAt(hierarchy.dir.get(), path_.substr(1) + (v2 ? "/cgroup.freeze" : "/freezer.state"),
                          v2 ? "1" : "FROZEN"));
  Result<> killed = host_->Kill(path_);
  ASSERT_TRUE(killed) << killed.error().ToString();
  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
}

// The kernel tells changes of cgroup.events at most every 10 ms, and forgets what it has not told yet when
// the cgroup goes.
TEST_P(CgroupHostTest, KillNoticesThatSomebodyElseRemovesTheCgroup) {
  constexpr int kRounds = 20;
  constexpr std::chrono::seconds kFarBelowTheTimeout{5};
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(Create());
    TestProcess process;
    Join(process.pid());
    std::jthread remover([this](const std::stop_token& stop) {
      while (!stop.stop_requested() && CountWhere(path_) > 0) {
        for (const CgroupHierarchy& hierarchy : host_->hierarchies())
          unlinkat(hierarchy.dir.get(), path_.c_str() + 1, AT_REMOVEDIR);
      }
    });
    auto began = std::chrono::steady_clock::now();
    Result<> killed = host_->Kill(path_);
    ASSERT_TRUE(killed) << killed.error().ToString();
    ASSERT_LT(std::chrono::steady_clock::now() - began, kFarBelowTheTimeout);
    EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
  }
}

TEST_P(CgroupHostTest, ACgroupIsKeptForTheNextExec) {
  ASSERT_TRUE(Create());
  ExecCgroups execs;
  auto take = [&](const char* id) { return *execs.Take(*host_, path_, id); };
  auto identity = [](const ExecCgroups::Lease& lease) {
    struct stat st{};
    return fstat(lease.directory(), &st) == 0 ? st.st_ino : 0;
  };
  ino_t first = identity(take("a"));
  {
    ExecCgroups::Lease again = take("b");
    ExecCgroups::Lease beside = take("c");
    EXPECT_EQ(identity(again), first);
    if (host_->Unified() == nullptr) {
      EXPECT_EQ(beside.directory(), -1);
      return;
    }
    EXPECT_NE(identity(beside), first);
    EXPECT_THAT(*host_->Children(path_), UnorderedElementsAre("davit-exec", "exec-c"));
  }
  EXPECT_THAT(*host_->Children(path_), ElementsAre("davit-exec"));

  ASSERT_EQ(unlinkat(host_->Unified()->dir.get(), (path_.substr(1) + "/davit-exec").c_str(), AT_REMOVEDIR),
            0);
  EXPECT_NE(identity(take("d")), 0U) << "somebody has removed the kept one";
  EXPECT_NE(identity(take("e")), first);
  EXPECT_THAT(*host_->Children(path_), ElementsAre("davit-exec"));

  EXPECT_TRUE(take("f").Kill());
  EXPECT_THAT(*host_->Children(path_), IsEmpty()) << "one that was killed once is not kept";

  take("g");
  EXPECT_THAT(*host_->Children(path_), ElementsAre("davit-exec"));
  execs.Forget();
  EXPECT_THAT(*host_->Children(path_), IsEmpty());
}

TEST_P(CgroupHostTest, AnExecsCgroupThatIsInUseIsNotTheNextOnes) {
  if (host_->Unified() == nullptr) GTEST_SKIP() << "needs a v2 hierarchy";
  ASSERT_TRUE(Create());
  ExecCgroups execs;
  TestProcess left_behind;
  {
    ExecCgroups::Lease lease = *execs.Take(*host_, path_, "a");
    ASSERT_TRUE(WriteFileAt(lease.directory(), "cgroup.procs", std::to_string(left_behind.pid())));
    EXPECT_FALSE(lease.IsVacant());
  }
  EXPECT_THAT(*host_->Children(path_), IsEmpty());
  EXPECT_THAT(*PidsBelow(*host_->Unified(), path_.substr(1)), ElementsAre(left_behind.pid()));
  EXPECT_TRUE(execs.Take(*host_, path_, "b")->IsVacant());
}

TEST_P(CgroupHostTest, AContainerThatAllowsNoMoreCgroupsHasExecsInItsOwn) {
  if (host_->Unified() == nullptr) GTEST_SKIP() << "needs a v2 hierarchy";
  ASSERT_TRUE(Create());
  ASSERT_TRUE(WriteFileAt(host_->Unified()->dir.get(), path_.substr(1) + "/cgroup.max.descendants", "0"));
  ExecCgroups execs;
  Result<ExecCgroups::Lease> lease = execs.Take(*host_, path_, "a");
  ASSERT_TRUE(lease) << lease.error().ToString();
  EXPECT_EQ(lease->directory(), -1);
  EXPECT_TRUE(lease->IsVacant());
}

TEST_P(CgroupHostTest, KillOfWhatIsNotThereSucceeds) {
  EXPECT_TRUE(host_->Kill(path_));
  EXPECT_FALSE(*host_->Populated(path_));
}

TEST_P(CgroupHostTest, RemoveTakesChildrenAndProcessesAlong) {
  ASSERT_TRUE(Create());
  ASSERT_TRUE(host_->Create(path_ + "/inner/most", {}, {}));
  std::string outer = std::exchange(path_, path_ + "/inner/most");
  TestProcess process;
  Join(process.pid());
  Result<> removed = host_->Remove(outer);
  ASSERT_TRUE(removed) << removed.error().ToString();
  EXPECT_EQ(CountWhere(outer), 0);
  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
}

// Makes `levels` cgroups, one in the other, and returns the last one. Their path is longer than PATH_MAX.
UniqueFd MakeDeepTree(const CgroupHierarchy& hierarchy, const std::string& path, int levels) {
  const std::string name(200, 'd');
  UniqueFd current = std::move(*OpenAt(hierarchy.dir.get(), path, O_RDONLY | O_DIRECTORY));
  for (int level = 0; level < levels; ++level) {
    EXPECT_EQ(mkdirat(current.get(), name.c_str(), 0755), 0) << hierarchy.name << level << strerror(errno);
    current = std::move(*OpenAt(current.get(), name, O_RDONLY | O_DIRECTORY));
  }
  return current;
}

// What a container with a delegated cgroup can leave behind.
TEST_P(CgroupHostTest, TreesDeeperThanAPathCanNameAreKilledAndRemoved) {
  constexpr int kLevels = 40;
  ASSERT_TRUE(Create());
  TestProcess process;
  for (const CgroupHierarchy& hierarchy : host_->hierarchies()) {
    UniqueFd deepest = MakeDeepTree(hierarchy, path_.substr(1), kLevels);
    if (hierarchy.Has("cpuset")) continue;  // nothing can join its new cgroups before they have processors
    ASSERT_TRUE(WriteFileAt(deepest.get(), "cgroup.procs", std::to_string(process.pid()))) << hierarchy.name;
    EXPECT_THAT(*PidsBelow(hierarchy, path_.substr(1)), ElementsAre(process.pid())) << hierarchy.name;
  }
  Result<> removed = host_->Remove(path_);
  ASSERT_TRUE(removed) << removed.error().ToString();
  EXPECT_EQ(CountWhere(path_), 0);
  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
}

TEST_P(CgroupHostTest, TheShimGetsOneProcsPerHierarchyAndTheKillSwitch) {
  ASSERT_TRUE(Create());
  Result<ShimCgroupFds> fds = host_->OpenForShim(path_);
  ASSERT_TRUE(fds) << fds.error().ToString();
  EXPECT_EQ(static_cast<int>(fds->procs.size()), HierarchyCount());
  EXPECT_EQ(fds->kill.valid(), host_->mode() != CgroupMode::kV1);
  EXPECT_EQ(fds->unified.valid(), host_->mode() != CgroupMode::kV1);
  EXPECT_EQ(fds->oom.valid(), host_->HasController("memory"));
  EXPECT_EQ(*host_->OomKills(path_), 0);
}

// 0, or the errno of the open.
int OpenInside(const char* device) {
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? 0 : errno;
}

TEST_P(CgroupHostTest, DeviceRulesHoldForProcessesInside) {
  Result<> created = Create({}, {{false, 'a', -1, -1, "rwm"}, {true, 'c', 1, 5, "rwm"}});
  ASSERT_TRUE(created) << created.error().ToString();
  TestProcess process([] {
    if (OpenInside("/dev/zero") != 0) return 2;
    return OpenInside("/dev/null") == EPERM ? 0 : 3;
  });
  Join(process.pid());
  process.Go();
  int status = process.Wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "2: /dev/zero was refused, 3: /dev/null was not";
}

TEST_P(CgroupHostTest, LimitsReachTheKernel) {
  if (!host_->HasController("memory") || !host_->HasController("cpu"))
    GTEST_SKIP() << "needs the cpu and memory controllers";
  if (host_->mode() == CgroupMode::kV2) GTEST_SKIP() << "reads v1 files";
  CgroupResources resources;
  resources.cpu_shares = 512;
  resources.cpu_quota = 20'000;
  resources.cpu_period = 40'000;
  resources.memory_limit = resources.memory_swap_limit = 64 << 20;
  resources.pids_limit = 7;
  resources.cpuset_cpus = "0";
  Result<> created = Create(resources);
  ASSERT_TRUE(created) << created.error().ToString();
  EXPECT_EQ(ReadIn("cpu", "cpu.shares"), "512\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.cfs_quota_us"), "20000\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.cfs_period_us"), "40000\n");
  EXPECT_EQ(ReadIn("memory", "memory.limit_in_bytes"), "67108864\n");
  EXPECT_EQ(ReadIn("pids", "pids.max"), "7\n");
  EXPECT_EQ(ReadIn("cpuset", "cpuset.cpus"), "0\n");

  resources = {};
  resources.memory_limit = resources.memory_swap_limit = 128 << 20;
  Result<> raised = host_->Update(path_, resources);
  EXPECT_TRUE(raised) << raised.error().ToString();
  EXPECT_EQ(ReadIn("memory", "memory.limit_in_bytes"), "134217728\n");
  EXPECT_EQ(ReadIn("cpu", "cpu.shares"), "512\n") << "not wanted, not touched";
  resources.memory_limit = resources.memory_swap_limit = 32 << 20;
  EXPECT_TRUE(host_->Update(path_, resources)) << "lowered";
  resources = {};
  resources.memory_limit = -1;
  EXPECT_TRUE(host_->Update(path_, resources)) << "unlimited";
}

TEST_P(CgroupHostTest, AValueThatTheKernelRefusesIsNamed) {
  if (!host_->HasController("cpuset") || host_->mode() == CgroupMode::kV2)
    GTEST_SKIP() << "needs the v1 cpuset controller";
  CgroupResources resources;
  resources.cpuset_cpus = "4000-4001";
  Result<> created = Create(resources);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, Code::kInvalidArgument) << created.error().ToString();
  EXPECT_THAT(created.error().ToString(), HasSubstr("cpuset.cpus = 4000-4001"));
  EXPECT_EQ(CountWhere(top_), 0);
}

TEST_P(CgroupHostTest, OomKillsAreCounted) {
  if (!host_->HasController("memory")) GTEST_SKIP() << "needs the memory controller";
  CgroupResources resources;
  resources.memory_limit = resources.memory_swap_limit = 8 << 20;
  ASSERT_TRUE(Create(resources));
  TestProcess process([] {
    constexpr size_t kSize = 64 << 20;
    char* memory =
        static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t at = 0; at < kSize; at += 4096) memory[at] = 1;
    return 2;
  });
  Join(process.pid());
  process.Go();
  int status = process.Wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_EQ(*host_->OomKills(path_), 1);
}

INSTANTIATE_TEST_SUITE_P(Hosts, CgroupHostTest, testing::Values("host", "v1", "v2"),
                         [](const auto& instance) { return instance.param; });

TEST(DeviceProgramsTest, ReplacingAFilterLeavesOneProgram) {
  Result<CgroupHost> host = CgroupHost::Probe(kMountPoint);
  const CgroupHierarchy* v2 = nullptr;
  if (host) {
    for (const CgroupHierarchy& hierarchy : host->hierarchies()) v2 = hierarchy.v2 ? &hierarchy : v2;
  }
  if (v2 == nullptr || geteuid() != 0) GTEST_SKIP() << "needs a v2 hierarchy and root";
  std::string name = "davit-test-bpf-" + std::to_string(getpid());
  ASSERT_EQ(mkdirat(v2->dir.get(), name.c_str(), 0755), 0);
  {
    UniqueFd cgroup = std::move(*OpenAt(v2->dir.get(), name, O_RDONLY | O_DIRECTORY));
    DevicePrograms programs;
    DeviceFilter nothing;
    DeviceFilter zero{false, {{true, 'c', 1, 5, "rwm"}}};
    std::shared_ptr<UniqueFd> first = *programs.Load(nothing);
    EXPECT_EQ(*programs.Load(nothing), first) << "loaded once";
    ASSERT_TRUE(AttachDeviceProgram(cgroup.get(), first->get(), name));
    std::shared_ptr<UniqueFd> second = *programs.Load(zero);
    Result<> replaced = AttachDeviceProgram(cgroup.get(), second->get(), name);
    EXPECT_TRUE(replaced) << replaced.error().ToString();

    uint32_t ids[8] = {};
    bpf_attr query{};
    query.query.target_fd = static_cast<uint32_t>(cgroup.get());
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<uintptr_t>(ids);
    query.query.prog_cnt = 8;
    EXPECT_EQ(syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query), 0);
    EXPECT_EQ(query.query.prog_cnt, 1u);
  }
  EXPECT_EQ(unlinkat(v2->dir.get(), name.c_str(), AT_REMOVEDIR), 0);
}

}  // namespace
}  // namespace davit::cri
