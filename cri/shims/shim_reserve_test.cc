// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_reserve.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/spawn.h"

namespace davit::cri {
namespace {

// Shims are processes that end at once. The next `fails_` starts fail, and also all others in the background
// if `background_fails_` is true.
class ShimReserveTest : public ::testing::Test {
 protected:
  ShimReserveTest() {
    char path[] = "/tmp/davit-shim-reserve-XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    state_ = path;
    launcher_ = *ShimLauncher::Create("/bin/true", state_, STDERR_FILENO,
                                      [this](const SpawnRequest& request) { return Start(request); });
    reserve_.emplace(*launcher_);
  }
  ~ShimReserveTest() override {
    reserve_.reset();
    std::filesystem::remove_all(state_);
  }

  Result<ChildProcess> Start(const SpawnRequest& request) {
    ++starts_;
    if (fails_ > 0)
      --fails_;
    else if (!background_fails_ || std::this_thread::get_id() == test_thread_)
      return Spawn(request);
    return Fail(Code::kResourceExhausted, "clone", "davit-shim", "no process is left");
  }
  // False if that does not happen in 30 s.
  static bool Happens(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  bool BecomesUnhealthy() const {
    return Happens([this] { return !reserve_->Health(); });
  }
  bool BecomesHealthy() const {
    return Happens([this] { return reserve_->Health().has_value(); });
  }

  std::string state_;
  const std::thread::id test_thread_ = std::this_thread::get_id();
  std::atomic<bool> background_fails_ = false;
  std::atomic<int> fails_ = 0;
  std::atomic<int> starts_ = 0;
  std::unique_ptr<ShimLauncher> launcher_;
  std::optional<ShimReserve> reserve_;
};

TEST_F(ShimReserveTest, AFailedStartIsRepeatedUntilOneWorks) {
  fails_ = 3;
  reserve_->Refill(std::chrono::milliseconds(0));
  ASSERT_TRUE(Happens([this] { return starts_ > 0; }));
  EXPECT_TRUE(Happens([this] { return starts_ == 4; })) << "nobody else asks for a start";
  EXPECT_TRUE(BecomesHealthy());
  EXPECT_EQ(launcher_->Sockets()->size(), 1U) << "one shim waits, and failed starts leave nothing";
}

TEST_F(ShimReserveTest, AStartForAPodThatWorksEndsTheUnhealthyState) {
  background_fails_ = true;
  reserve_->Refill(std::chrono::milliseconds(0));
  ASSERT_TRUE(BecomesUnhealthy());
  // A failure in the background may follow at once.
  EXPECT_TRUE(Happens([this] {
    launcher_->Discard(reserve_->Take().value());
    return reserve_->Health().has_value();
  }));
}

TEST_F(ShimReserveTest, AFailedStartForAPodIsRepeatedInTheBackground) {
  launcher_->Discard(reserve_->Take().value());  // meanwhile the reserve's thread falls asleep
  fails_ = 1;
  EXPECT_FALSE(reserve_->Take());
  EXPECT_TRUE(Happens([this] { return starts_ == 3; }));
  EXPECT_TRUE(BecomesHealthy());
}

}  // namespace
}  // namespace davit::cri
