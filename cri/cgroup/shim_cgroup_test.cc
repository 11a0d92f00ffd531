// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/cgroup/shim_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "base/spawn.h"
#include "cri/cgroup/test_tree.h"

namespace davit {
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
    Result<ShimCgroup> shims = ShimCgroup::Open(*host_, root_);
    ASSERT_TRUE(shims) << shims.error().ToString();
    shims_.emplace(std::move(*shims));
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

  std::string root_ = "/davit-test-shims-" + std::to_string(getpid());
  std::optional<CgroupHost> host_;
  std::optional<ShimCgroup> shims_;
};

TEST_F(ShimCgroupTest, LiesBelowTheConfiguredRoot) {
  EXPECT_EQ(shims_->path(), root_ + "/davit/shims");
  EXPECT_THAT(*host_->Children(root_ + "/davit"), testing::ElementsAre("shims"));
}

TEST_F(ShimCgroupTest, OpeningItAgainKeepsTheShimsInIt) {
  TestProcess shim;
  ASSERT_TRUE(shims_->Join(shim.pid()));
  Result<ShimCgroup> again = ShimCgroup::Open(*host_, root_);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(kill(shim.pid(), 0), 0);
  EXPECT_THAT(Lines(std::to_string(shim.pid())), Each(EndsWith(shims_->path())));
}

TEST_F(ShimCgroupTest, JoinMovesAProcessEverywhere) {
  TestProcess shim;
  Result<> joined = shims_->Join(shim.pid());
  ASSERT_TRUE(joined) << joined.error().ToString();
  EXPECT_THAT(Lines(std::to_string(shim.pid())), Each(EndsWith(shims_->path())));
}

TEST_F(ShimCgroupTest, AMovedThreadBringsItsChildrenAlongAndNotItsProcess) {
  std::optional<ChildProcess> child;
  std::thread spawner([this, &child] {
    Result<> moved = shims_->MoveCallingThread();
    ASSERT_TRUE(moved) << moved.error().ToString();
    SpawnRequest request;
    request.program = "/bin/sleep";
    request.args = {"sleep", "60"};
    Result<ChildProcess> spawned = Spawn(request);
    ASSERT_TRUE(spawned) << spawned.error().ToString();
    Result<> joined = shims_->JoinAfterSpawn(spawned->pid);
    EXPECT_TRUE(joined) << joined.error().ToString();
    child = std::move(*spawned);
  });
  spawner.join();
  ASSERT_TRUE(child);
  EXPECT_THAT(Lines(std::to_string(child->pid)), Each(EndsWith(shims_->path())));
  EXPECT_THAT(Lines("self"), Each(Not(HasSubstr(root_))));
  EXPECT_TRUE(child->pidfd.Signal(SIGKILL));
  EXPECT_TRUE(Reap(*child));
}

}  // namespace
}  // namespace davit
