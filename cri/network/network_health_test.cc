// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/network_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>

namespace davit::cri {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kBound = 20s;  // of every wait

// A look that the test steers: it counts, gives the outcome that is set, and waits while it is held.
class NetworkHealthTest : public ::testing::Test {
 protected:
  NetworkHealthTest() {
    std::string name = std::filesystem::temp_directory_path() / "davit-health-XXXXXX";
    dir_ = mkdtemp(name.data());
    // No look but those that the test causes.
    options_ = {
        .watched_dir = dir_, .period = 1h, .idle_period = 1h, .retry = 1h, .quiet = 0ms, .patience = 1h};
  }
  ~NetworkHealthTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<NetworkHealth> Start() {
    return NetworkHealth::Start(options_, [this](int interrupt_fd) { return Look(interrupt_fd); }).value();
  }

  Result<> Look(int interrupt_fd) EXCLUDES(mutex_) {
    bool held = false;
    Result<> outcome;
    {
      MutexLock lock(mutex_);
      ++looks_;
      held = held_;
      outcome = outcome_;
      changed_.NotifyAll();
    }
    if (!held) return outcome;
    pollfd interrupt{interrupt_fd, POLLIN, 0};
    poll(&interrupt, 1, /*timeout=*/-1);
    return Fail(Code::kCancelled, "look", "test");
  }

  void Set(Result<> outcome) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    outcome_ = std::move(outcome);
  }
  // Looks that begin from now on end only when they are interrupted.
  void Hold() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ = true;
  }
  int looks() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return looks_;
  }
  bool AwaitLooks(int count) EXCLUDES(mutex_) {
    auto deadline = std::chrono::steady_clock::now() + kBound;
    MutexLock lock(mutex_);
    while (looks_ < count)
      if (!changed_.WaitUntil(mutex_, deadline)) return false;
    return true;
  }

  std::string dir_;
  NetworkHealth::Options options_;

 private:
  Mutex mutex_;
  CondVar changed_;
  int looks_ GUARDED_BY(mutex_) = 0;
  bool held_ GUARDED_BY(mutex_) = false;
  Result<> outcome_ GUARDED_BY(mutex_);
};

TEST_F(NetworkHealthTest, LastIsTheLastJudgement) {
  auto health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_TRUE(health->Last());
  Set(Fail(Code::kUnavailable, "check", "plugin", "it is starting"));
  EXPECT_TRUE(health->Last()) << "nothing has looked since";
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_THAT(health->Last().error().ToString(), HasSubstr("it is starting"));
}

TEST_F(NetworkHealthTest, ALookThatThrowsIsAJudgementAndTheNextOneFollows) {
  std::atomic<bool> throws = true;
  auto look = [&](int) -> Result<> {
    if (throws) throw std::bad_alloc();
    return {};
  };
  std::unique_ptr<NetworkHealth> health = NetworkHealth::Start(options_, look).value();
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_EQ(health->Last().error().code, Code::kInternal);
  throws = false;
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_TRUE(health->Last());
}

TEST_F(NetworkHealthTest, NothingIsReadyBeforeTheFirstLook) {
  Hold();
  auto health = Start();
  ASSERT_TRUE(AwaitLooks(1));
  EXPECT_EQ(health->Last().error().code, Code::kUnavailable);
}

TEST_F(NetworkHealthTest, ALookThatTakesTooLongIsAJudgement) {
  options_.patience = 0ms;
  auto health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->Last());
  int before = looks();
  Hold();
  health->LookAgain();
  ASSERT_TRUE(AwaitLooks(before + 1));
  Result<> judgement = health->Last();
  ASSERT_FALSE(judgement);
  EXPECT_EQ(judgement.error().code, Code::kDeadlineExceeded);
  EXPECT_FALSE(health->AwaitLook(0ms));
}

TEST_F(NetworkHealthTest, EndsInTheMiddleOfALook) {
  Hold();
  auto health = Start();
  ASSERT_TRUE(AwaitLooks(1));
  health.reset();  // does not hang
}

TEST_F(NetworkHealthTest, LooksAgainWhenTheDirectoryChanges) {
  auto health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->AwaitLook(kBound));
  int before = looks();
  std::ofstream(dir_ + "/new") << "x";
  EXPECT_TRUE(AwaitLooks(before + 1)) << "a file was written";
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->AwaitLook(kBound));
  before = looks();
  std::filesystem::rename(dir_ + "/new", dir_ + "/10.conflist");
  EXPECT_TRUE(AwaitLooks(before + 1)) << "a file was renamed";
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->AwaitLook(kBound));
  before = looks();
  std::filesystem::remove(dir_ + "/10.conflist");
  EXPECT_TRUE(AwaitLooks(before + 1)) << "a file was removed";
}

TEST_F(NetworkHealthTest, FollowsADirectoryThatIsMadeLater) {
  options_.watched_dir = dir_ + "/later";
  auto health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  std::filesystem::create_directory(options_.watched_dir);
  ASSERT_TRUE(health->AwaitLook(kBound));  // from here on it is watched
  ASSERT_TRUE(health->AwaitLook(kBound));
  int before = looks();
  std::ofstream(options_.watched_dir + "/new") << "x";
  EXPECT_TRUE(AwaitLooks(before + 1));
}

TEST_F(NetworkHealthTest, WithoutAPeriodLooksOnlyWhenAnOldResultIsAskedFor) {
  options_.periodic = false;
  options_.period = 1ms;
  options_.idle_period = 200ms;
  auto health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  ASSERT_TRUE(health->AwaitLook(kBound));
  int before = looks();
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(looks(), before) << "nobody has asked";
  EXPECT_TRUE(health->Last());
  EXPECT_TRUE(AwaitLooks(before + 1));
}

TEST_F(NetworkHealthTest, AFailedLookIsRepeatedUntilOneSucceeds) {
  options_.periodic = false;
  options_.retry = 5ms;
  options_.longest_retry = 10ms;
  Set(Fail(Code::kUnavailable, "look", "test"));
  std::unique_ptr<NetworkHealth> health = Start();
  EXPECT_TRUE(AwaitLooks(5));
  Set({});
  while (!health->Last()) std::this_thread::sleep_for(1ms);
  int looks = this->looks();
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(this->looks(), looks) << "nothing happens at rest";
}

TEST_F(NetworkHealthTest, FailedLooksBecomeRarer) {
  options_.periodic = false;
  options_.retry = 2ms;
  options_.longest_retry = 1h;
  Set(Fail(Code::kUnavailable, "look", "test"));
  std::unique_ptr<NetworkHealth> health = Start();
  std::this_thread::sleep_for(300ms);
  EXPECT_LE(looks(), 8) << "after 2, 4, 8 ... ms";
}

TEST_F(NetworkHealthTest, ALookThatSeesNothingKeepsTheJudgementForSomeTimes) {
  std::unique_ptr<NetworkHealth> health = Start();
  ASSERT_TRUE(health->AwaitLook(kBound));
  Set(std::unexpected(Error{Code::kUnavailable, EINTR, "look", "test", "tables change"}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(health->AwaitLook(kBound));
    EXPECT_TRUE(health->Last());
  }
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_FALSE(health->Last());
  Set({});
  ASSERT_TRUE(health->AwaitLook(kBound));
  EXPECT_TRUE(health->Last());
}

TEST_F(NetworkHealthTest, LooksPeriodically) {
  options_.period = 1ms;
  auto health = Start();
  EXPECT_TRUE(AwaitLooks(5));
}

TEST_F(NetworkHealthTest, LooksSeldomWhenNobodyAsks) {
  options_.period = 1h;
  options_.idle_period = 0ms;  // nobody has asked for as long
  auto health = Start();
  EXPECT_TRUE(AwaitLooks(5));
}

}  // namespace
}  // namespace davit::cri
