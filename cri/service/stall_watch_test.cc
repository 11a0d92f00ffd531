// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/stall_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace davit::cri {
namespace {

using std::chrono::milliseconds;

// An operation that returns when it is cancelled.
struct Blocked {
  bool Wait() {
    cancelled.get_future().wait();
    return false;
  }
  std::function<void()> cancel() {
    return [this] { cancelled.set_value(); };
  }
  std::promise<void> cancelled;
};

TEST(StallWatchTest, AnOperationThatWaitsForTooLongIsCancelled) {
  Blocked client;
  StallWatch watch(client.cancel(), milliseconds(20));
  EXPECT_FALSE(watch.Write([&] { return client.Wait(); }));
  EXPECT_TRUE(watch.stalled());
}

TEST(StallWatchTest, ASlowReadIsNotHiddenByQuickWrites) {
  Blocked client;
  StallWatch watch(client.cancel(), milliseconds(20));
  std::atomic<bool> over = false;
  std::thread writer([&] {
    while (!over) watch.Write([] { return true; });
  });
  EXPECT_FALSE(watch.Read([&] { return client.Wait(); }));
  over = true;
  writer.join();
  EXPECT_TRUE(watch.stalled());
}

// Each has less time than the watch's in all.
TEST(StallWatchTest, TimeCountsForEachOperationAlone) {
  bool cancelled = false;
  StallWatch watch([&] { cancelled = true; }, milliseconds(200));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(watch.Read([] {
      std::this_thread::sleep_for(milliseconds(30));
      return true;
    }));
  }
  EXPECT_FALSE(watch.stalled());
  EXPECT_FALSE(cancelled);
}

TEST(StallWatchTest, BetweenOperationsThereIsNoHurry) {
  bool cancelled = false;
  {
    StallWatch watch([&] { cancelled = true; }, milliseconds(5));
    watch.Read([] { return true; });
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_FALSE(watch.stalled());
  }
  EXPECT_FALSE(cancelled);
}

}  // namespace
}  // namespace davit::cri
