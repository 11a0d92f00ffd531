// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/root_lock.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPatienceMs = 30'000;

class RootLockTest : public ::testing::Test {
 protected:
  RootLockTest() {
    char path[] = "/tmp/davit-root-lock-XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    root_ = path;
  }
  ~RootLockTest() override { std::filesystem::remove_all(root_); }

  static void NotCalled(const std::string& holder) { ADD_FAILURE() << "waits for " << holder; }

  std::string root_;
};

TEST_F(RootLockTest, AHolderThatStaysIsNamed) {
  UniqueFd first = LockRoot(root_, kPatienceMs, NotCalled).value();
  Result<UniqueFd> second = LockRoot(root_, /*patience_ms=*/10, [](const std::string&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(second.error().ToString(), HasSubstr("process " + std::to_string(getpid())));
}

TEST_F(RootLockTest, AHolderThatEndsIsWaitedForAndTheWaitIsAnnouncedOnce) {
  UniqueFd first = LockRoot(root_, kPatienceMs, NotCalled).value();
  std::vector<std::string> waits;
  Result<UniqueFd> second = LockRoot(root_, kPatienceMs, [&](const std::string& holder) {
    waits.push_back(holder);
    first.Reset();
  });
  EXPECT_TRUE(second);
  EXPECT_THAT(waits, ::testing::ElementsAre("process " + std::to_string(getpid())));
}

TEST_F(RootLockTest, AFreeRootIsLockedAtOnce) {
  LockRoot(root_, kPatienceMs, NotCalled).value().Reset();
  EXPECT_TRUE(LockRoot(root_, kPatienceMs, NotCalled));
}

}  // namespace
}  // namespace davit::cri
