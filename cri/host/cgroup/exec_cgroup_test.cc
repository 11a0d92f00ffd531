// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/exec_cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>
#include <tuple>

#include "cri/host/cgroup/testing/cgroup_host_fixture.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

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

  std::ignore = take("g");
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

// An exec that leaves a process behind has its cgroup removed while the next exec asks for one of that name.
TEST_P(CgroupHostTest, ACgroupIsNotRemovedFromUnderTheNextExec) {
  if (host_->Unified() == nullptr) GTEST_SKIP() << "needs a v2 hierarchy";
  ASSERT_TRUE(Create());
  ExecCgroups execs;
  TestProcess left_behind;
  auto use = [&](const std::string& id) {
    for (int i = 0; i < 300; ++i) {
      Result<ExecCgroups::Lease> lease = execs.Take(*host_, path_, id + std::to_string(i));
      ASSERT_TRUE(lease) << lease.error().ToString();
      auto moved = WriteFileAt(lease->directory(), "cgroup.procs", std::to_string(left_behind.pid()));
      ASSERT_TRUE(moved) << moved.error().ToString();
    }
  };
  std::thread other(use, "a");
  use("b");
  other.join();
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

}  // namespace
}  // namespace davit::cri
