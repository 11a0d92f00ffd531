// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/propagation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/work_growth.h"

namespace davit::shim {
namespace {

using ::testing::HasSubstr;

constexpr char kMountInfo[] =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
    "37 35 98:0 / /x rw shared:7 master:2 propagate_from:1 - ext3 /dev/root rw\n"
    "136 35 98:0 / /shared:1 rw - ext3 /dev/root rw\n"
    "40 35 98:0 / /last rw shared:8 - ext3 /dev/root rw";

MountStep Step(Propagation propagation) {
  MountStep step;
  step.source = "/src";
  step.propagation = propagation;
  return step;
}

// Whether a mount may have this propagation if its source is on the mount with this id.
bool May(Propagation propagation, uint64_t mount_id) {
  MountStep step = Step(propagation);
  PropagationCheck check;
  check.AddSource(mount_id, step);
  Result<> done = check.Run([] { return std::string(kMountInfo); });
  if (done) return true;
  EXPECT_EQ(done.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(done.error().ToString(), HasSubstr("/src"));
  return false;
}

TEST(PropagationCheck, LooksAtThePeerGroupsOfTheSourcesMount) {
  for (uint64_t without : {22, 136, 6, 3}) {
    EXPECT_FALSE(May(Propagation::kSlave, without)) << without;
    EXPECT_FALSE(May(Propagation::kShared, without)) << without;
  }
  EXPECT_TRUE(May(Propagation::kSlave, 36));
  EXPECT_FALSE(May(Propagation::kShared, 36));
  for (uint64_t shared : {37, 40}) {
    EXPECT_TRUE(May(Propagation::kSlave, shared)) << shared;
    EXPECT_TRUE(May(Propagation::kShared, shared)) << shared;
  }
}

TEST(PropagationCheck, ReadsTheMountsOnceForAllSources) {
  MountStep step = Step(Propagation::kSlave);
  PropagationCheck check;
  for (uint64_t i = 0; i < 1'000; ++i) check.AddSource(36 + i % 2, step);
  int reads = 0;
  auto read = [&reads]() -> Result<std::string> {
    ++reads;
    return std::string(kMountInfo);
  };
  EXPECT_TRUE(check.Run(read));
  EXPECT_EQ(reads, 1);
}

TEST(PropagationCheck, ReadsNothingWithoutPropagation) {
  MountStep step = Step(Propagation::kPrivate);
  PropagationCheck check;
  ASSERT_TRUE(check.Add(/*source_fd=*/-1, step));
  EXPECT_TRUE(check.Run([]() -> Result<std::string> { return Fail(Code::kInternal, "read", "mountinfo"); }));
}

// A search through the list for each source has 256 times the work.
TEST(PropagationCheck, TheWorkDoesNotGrowWithSourcesTimesMounts) {
  double growth = GrowthOfWork(500, 8'000, [](size_t count) {
    MountStep step = Step(Propagation::kShared);
    std::string mountinfo;
    PropagationCheck check;
    for (size_t id = 1; id <= count; ++id) {
      mountinfo += std::to_string(id) + " 35 98:0 / /x rw shared:7 - ext3 /dev/root rw\n";
      check.AddSource(id, step);
    }
    EXPECT_TRUE(check.Run([&] { return mountinfo; }));
  });
  EXPECT_LT(growth, 64);
}

}  // namespace
}  // namespace davit::shim
