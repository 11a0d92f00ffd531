// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/shim_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <thread>

#include "base/spawn.h"
#include "cri/host/cgroup/shim_spawner.h"
#include "cri/host/cgroup/testing/test_tree.h"

namespace davit::cri {
namespace {

using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class ShimCgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<CgroupHost> host = CgroupHost::Probe();
    if (!host || geteuid() != 0) GTEST_SKIP() << "needs cgroups and root";
    host_.emplace(std::move(*host));
    Result<ShimCgroup> shims = ShimCgroup::Open(*host_, *CgroupfsPlacement(root_).Shims());
    ASSERT_TRUE(shims) << shims.error().ToString();
    shims_.emplace(std::move(*shims));
    home_ = ShimHome::Open([this] { return Make(*host_, root_); }).value();
  }
  void TearDown() override {
    if (host_) {
      EXPECT_TRUE(host_->Remove(root_));
    }
  }

  // The cgroups of a process or thread, one line per hierarchy that is mounted here.
  std::vector<std::string> Lines(const std::string& proc) {
    std::istringstream text(ReadFile("/proc/" + proc + "/cgroup").value_or(""));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  static Result<ShimHome::Made> Make(const CgroupHost& host, const std::string& root) {
    return ShimHome::Made{TRY(ShimCgroup::Open(host, TRY(CgroupfsPlacement(root).Shims()))), Placeholder()};
  }

  std::string root_ = "/davit-test-shims-" + std::to_string(getpid());
  std::optional<CgroupHost> host_;
  std::optional<ShimCgroup> shims_;
  std::unique_ptr<ShimHome> home_;
};

TEST_F(ShimCgroupTest, LiesBelowTheConfiguredRoot) {
  EXPECT_EQ(shims_->path(), root_ + "/davit/shims");
  EXPECT_THAT(*host_->Children(root_ + "/davit"), testing::ElementsAre("shims"));
}

TEST_F(ShimCgroupTest, OpeningItAgainKeepsTheShimsInIt) {
  TestProcess shim;
  ASSERT_TRUE(shims_->Join(shim.pid()));
  Result<ShimCgroup> again = ShimCgroup::Open(*host_, *CgroupfsPlacement(root_).Shims());
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(kill(shim.pid(), 0), 0);
  EXPECT_THAT(Lines(std::to_string(shim.pid())), Each(EndsWith(shims_->path())));
}

// A controller that was mounted after the last daemon's start has no such cgroup yet.
TEST_F(ShimCgroupTest, IsMadeInAHierarchyThatLacksIt) {
  TestProcess shim;
  ASSERT_TRUE(shims_->Join(shim.pid()));
  const std::string path = shims_->path().substr(1);
  for (const CgroupHierarchy& later : host_->hierarchies()) {
    ASSERT_TRUE(WriteFileAt(later.dir.get(), "cgroup.procs", std::to_string(shim.pid()))) << later.name;
    ASSERT_EQ(unlinkat(later.dir.get(), path.c_str(), AT_REMOVEDIR), 0) << later.name;
    ASSERT_EQ(unlinkat(later.dir.get(), (root_ + "/davit").c_str() + 1, AT_REMOVEDIR), 0) << later.name;

    Result<ShimCgroup> again = ShimCgroup::Open(*host_, *CgroupfsPlacement(root_).Shims());
    ASSERT_TRUE(again) << later.name << again.error().ToString();
    Result<> joined = again->Join(shim.pid());
    ASSERT_TRUE(joined) << later.name << joined.error().ToString();
  }
  EXPECT_THAT(Lines(std::to_string(shim.pid())), Each(EndsWith(shims_->path())));
}

TEST_F(ShimCgroupTest, JoinMovesAProcessEverywhere) {
  TestProcess shim;
  Result<> joined = shims_->Join(shim.pid());
  ASSERT_TRUE(joined) << joined.error().ToString();
  EXPECT_THAT(Lines(std::to_string(shim.pid())), Each(EndsWith(shims_->path())));
}

TEST_F(ShimCgroupTest, SpawnedShimsAreInItAndTheDaemonIsNot) {
  Result<std::unique_ptr<ShimSpawner>> spawner = ShimSpawner::Start(*home_);
  ASSERT_TRUE(spawner) << spawner.error().ToString();
  SpawnRequest request;
  request.program = "/bin/sleep";
  request.args = {"sleep", "60"};
  for (int i = 0; i < 2; ++i) {
    Result<ChildProcess> child = (*spawner)->Spawn(request);
    ASSERT_TRUE(child) << child.error().ToString();
    for (const std::string& line : Lines(std::to_string(child->pid))) {
      bool limits_nothing = line.starts_with("0::") && host_->mode() == CgroupMode::kHybrid;
      EXPECT_TRUE(limits_nothing || line.ends_with(shims_->path())) << line;
    }
    EXPECT_TRUE(child->pidfd.Signal(SIGKILL));
    EXPECT_TRUE(Reap(*child));
  }
  EXPECT_THAT(Lines("self"), Each(Not(HasSubstr(root_))));
}

TEST_F(ShimCgroupTest, AProgramThatIsNotThereIsTheSpawnersError) {
  Result<std::unique_ptr<ShimSpawner>> spawner = ShimSpawner::Start(*home_);
  ASSERT_TRUE(spawner) << spawner.error().ToString();
  SpawnRequest request;
  request.program = "/no/such/program";
  request.args = {"x"};
  Result<ChildProcess> child = (*spawner)->Spawn(request);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().os_errno, ENOENT);
}

TEST_F(ShimCgroupTest, ConcurrentCallersTakeTurns) {
  Result<std::unique_ptr<ShimSpawner>> spawner = ShimSpawner::Start(*home_);
  ASSERT_TRUE(spawner) << spawner.error().ToString();
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&spawner, caller] {
      SpawnRequest request;
      request.program = "/bin/sh";
      request.args = {"sh", "-c", "exit " + std::to_string(caller)};
      for (int i = 0; i < 5; ++i) {
        Result<ChildProcess> child = (*spawner)->Spawn(request);
        ASSERT_TRUE(child) << child.error().ToString();
        EXPECT_EQ(Reap(*child)->code, caller);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

// As if an operator had stopped the scope of the shims.
TEST_F(ShimCgroupTest, OnAHostWithV2AloneItIsMadeAnewIfItIsGone) {
  const CgroupHierarchy* unified = host_->Unified();
  if (unified == nullptr) GTEST_SKIP() << "needs a v2 hierarchy";
  const std::string top = std::string("/sys/fs/cgroup/") + unified->name + root_;
  ASSERT_TRUE(std::filesystem::create_directory(top + "/v2"));
  Result<CgroupHost> v2 = CgroupHost::Probe(top + "/v2");
  ASSERT_TRUE(v2) << v2.error().ToString();
  int made = 0;
  auto home = ShimHome::Open([&] { return Make(*v2, "/" + std::to_string(++made)); });
  ASSERT_TRUE(home) << home.error().ToString();
  TestProcess first, second, third;
  ASSERT_TRUE((*home)->JoinAfterSpawn(first.pid()));
  EXPECT_EQ(made, 1);
  ASSERT_TRUE(v2->Remove("/1"));
  for (TestProcess* shim : {&second, &third}) {
    Result<> joined = (*home)->JoinAfterSpawn(shim->pid());
    EXPECT_TRUE(joined) << joined.error().ToString();
    EXPECT_THAT(Lines(std::to_string(shim->pid())), testing::Contains(EndsWith("/v2/2/davit/shims")));
  }
  EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace davit::cri
