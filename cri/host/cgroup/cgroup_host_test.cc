// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Cgroups of containers: how they are made, joined, killed and removed. cgroup_limits_test.cc tests their
// limits.
#include "cri/host/cgroup/cgroup_host.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <chrono>
#include <thread>

#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/testing/cgroup_host_fixture.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(Hosts, CgroupHostTest, testing::Values("host", "v1", "v2"),
                         [](const auto& instance) { return instance.param; });

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

}  // namespace
}  // namespace davit::cri
