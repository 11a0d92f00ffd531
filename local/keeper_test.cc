// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "base/time.h"

namespace davit::local {
namespace {

class KeeperTest : public ::testing::Test {
 protected:
  using Look = std::pair<Lane, std::string>;

  Keeper::Ports Ports() {
    return {announcer_, *reactor_, SystemClock(),
            [this](Lane lane, const std::string& id) {
              {
                MutexLock lock(mutex_);
                looks_.emplace_back(lane, id);
              }
              if (during_ != nullptr) during_(lane, id);
            },
            [] { return std::vector<std::string>{"a", "b"}; }};
  }
  size_t Count(const Look& look) {
    MutexLock lock(mutex_);
    return static_cast<size_t>(std::ranges::count(looks_, look));
  }
  bool Comes(const Look& look, size_t times = 1) {
    int64_t deadline = MonotonicMilliseconds() + 10'000;
    while (Count(look) < times && MonotonicMilliseconds() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Count(look) >= times;
  }
  static int64_t Now() { return MonotonicMilliseconds(); }

  std::unique_ptr<Reactor> reactor_ = Reactor::Start().value();
  cri::PodTable pods_;
  cri::Announcer announcer_{pods_, SystemClock()};
  std::function<void(Lane, const std::string&)> during_;
  Mutex mutex_;
  std::vector<Look> looks_ GUARDED_BY(mutex_);
};

TEST_F(KeeperTest, LooksWhenItIsTimeAndOncePerTime) {
  Keeper keeper(Ports());
  keeper.LookAt(Lane::kStarts, "early", Now() - 5);
  keeper.Watch();
  ASSERT_TRUE(keeper.Begin());
  int64_t at = Now() + 40;
  keeper.LookAt(Lane::kStarts, "web", at + 3'600'000);
  keeper.LookAt(Lane::kStarts, "web", at);
  keeper.LookAt(Lane::kStarts, "web", at + 60'000);
  EXPECT_TRUE(Comes({Lane::kStarts, "early"}));
  EXPECT_TRUE(Comes({Lane::kStarts, "web"}));
  EXPECT_GE(Now(), at);
  EXPECT_EQ(Count({Lane::kStarts, "web"}), 1u);
}

// Twenty restarts whose mounts hang.
TEST_F(KeeperTest, AnEndDoesNotWaitForStartsThatHang) {
  std::promise<void> go;
  std::shared_future<void> goes = go.get_future().share();
  during_ = [goes](Lane lane, const std::string&) {
    if (lane != Lane::kEnds) goes.wait();
  };
  Keeper keeper(Ports());
  keeper.Watch();
  ASSERT_TRUE(keeper.Begin());
  for (int i = 0; i < 40; ++i) {
    keeper.LookAt(Lane::kStarts, "start " + std::to_string(i), 0);
    keeper.LookAt(Lane::kRetries, "retry " + std::to_string(i), 0);
  }
  keeper.LookAt(Lane::kEnds, "web", 0);
  EXPECT_TRUE(Comes({Lane::kEnds, "web"}));
  go.set_value();
}

// As when the system has no thread for it.
TEST_F(KeeperTest, ALookThatCannotBePostedStaysDue) {
  Keeper::Ports ports = Ports();
  std::atomic<int> refused = 0;
  ports.post = [&refused](Lane, const std::function<void()>& work) {
    if (refused++ == 0) throw std::runtime_error("no thread");
    work();
  };
  Keeper keeper(std::move(ports));
  keeper.Watch();
  ASSERT_TRUE(keeper.Begin());
  keeper.LookAt(Lane::kEnds, "web", 0);
  EXPECT_TRUE(Comes({Lane::kEnds, "web"}));
  EXPECT_EQ(refused, 2);
}

TEST_F(KeeperTest, ALookThatThrowsIsRepeated) {
  during_ = [this](Lane, const std::string&) {
    if (Count({Lane::kEnds, "web"}) == 1) throw std::runtime_error("no memory");
  };
  Keeper keeper(Ports());
  keeper.Watch();
  ASSERT_TRUE(keeper.Begin());
  keeper.LookAt(Lane::kEnds, "web", 0);
  EXPECT_TRUE(Comes({Lane::kEnds, "web"}, 2));
}

// What happens meanwhile is seen by another look.
TEST_F(KeeperTest, ALookThatIsAskedForDuringOneFollows) {
  std::promise<void> hangs;
  std::promise<void> go;
  during_ = [&](Lane, const std::string&) {
    if (Count({Lane::kEnds, "web"}) > 1) return;
    hangs.set_value();
    go.get_future().wait();
  };
  Keeper keeper(Ports());
  keeper.Watch();
  ASSERT_TRUE(keeper.Begin());
  keeper.LookAt(Lane::kEnds, "web", 0);
  hangs.get_future().wait();
  keeper.LookAt(Lane::kEnds, "web", 0);
  go.set_value();
  EXPECT_TRUE(Comes({Lane::kEnds, "web"}, 2));
}

// A removal that lasts asks for the next look while the daemon stops.
TEST_F(KeeperTest, WorkMayAskForLooksWhileTheKeeperEnds) {
  std::promise<void> hangs;
  Keeper* ending = nullptr;
  during_ = [&](Lane, const std::string& id) {
    hangs.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ending->LookAt(Lane::kStarts, id, 0);
  };
  {
    Keeper keeper(Ports());
    ending = &keeper;
    keeper.Watch();
    ASSERT_TRUE(keeper.Begin());
    keeper.LookAt(Lane::kEnds, "web", 0);
    hangs.get_future().wait();
  }
  EXPECT_EQ(Count({Lane::kStarts, "web"}), 0u);
}

}  // namespace
}  // namespace davit::local
