// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/freezing.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "cri/host/cgroup/testing/cgroup_host_fixture.h"

namespace davit::cri {
namespace {

class FreezingTest : public CgroupHostTest {};

INSTANTIATE_TEST_SUITE_P(Freezing, FreezingTest, testing::Values("host", "v1", "v2"),
                         [](const auto& kind) { return kind.param; });

// Whether the other end of the pipe still writes.
bool Writes(int fd) {
  char bytes[1 << 16];
  while (read(fd, bytes, sizeof bytes) > 0) {
  }
  pollfd more = {fd, POLLIN, 0};
  return poll(&more, 1, 300) == 1;
}

TEST_P(FreezingTest, StopsAllBelowUntilTheyAreToGoOn) {
  ASSERT_TRUE(Create());
  if (!host_->Frozen(path_)) GTEST_SKIP() << "this host has no freezer";
  int ticks[2];
  ASSERT_EQ(pipe2(ticks, O_CLOEXEC | O_NONBLOCK), 0);
  TestProcess process([&ticks] {
    for (int i = 0; i < 2; ++i)
      if (fork() == 0) break;
    while (true) {
      (void)!write(ticks[1], "x", 1);
      poll(nullptr, 0, 1);
    }
    return 0;
  });
  Join(process.pid());
  process.Go();
  ASSERT_TRUE(host_->Thaw(path_)) << "of one that is not frozen";
  EXPECT_FALSE(*host_->Frozen(path_));
  ASSERT_TRUE(Writes(ticks[0]));
  Result<> frozen = host_->Freeze(path_);
  ASSERT_TRUE(frozen) << frozen.error().ToString();
  EXPECT_TRUE(*host_->Frozen(path_));
  EXPECT_FALSE(Writes(ticks[0]));
  ASSERT_TRUE(host_->Freeze(path_)) << "again";
  ASSERT_TRUE(host_->Thaw(path_));
  EXPECT_FALSE(*host_->Frozen(path_));
  EXPECT_TRUE(Writes(ticks[0]));
  ASSERT_TRUE(host_->Freeze(path_));
  Result<> killed = host_->Kill(path_);
  EXPECT_TRUE(killed) << killed.error().ToString();
  close(ticks[0]);
  close(ticks[1]);
}

TEST_P(FreezingTest, WhatIsNotThereIsNotFrozen) {
  Result<bool> frozen = host_->Frozen(path_);
  if (!frozen && frozen.error().code == Code::kUnimplemented) GTEST_SKIP() << "this host has no freezer";
  EXPECT_EQ(*frozen, false);
  EXPECT_TRUE(host_->Thaw(path_));
  EXPECT_FALSE(host_->Freeze(path_));
}

}  // namespace
}  // namespace davit::cri
