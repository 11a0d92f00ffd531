// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/background.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>

namespace davit {
namespace {

// Keeps the only thread of `threads` busy for as long as it lives.
class Busy {
 public:
  explicit Busy(WorkerPool& threads) {
    std::promise<void> begun;
    std::future<void> ready = begun.get_future();
    threads.Post([&begun, free = free_.get_future().share()] {
      begun.set_value();
      free.wait();
    });
    ready.wait();
  }
  ~Busy() { free_.set_value(); }

 private:
  std::promise<void> free_;
};

TEST(Background, GivesWhatTheStepReturns) {
  WorkerPool threads(1);
  Background<int> step(threads, [] { return Result<int>(42); });
  EXPECT_EQ(step.Wait(), 42);
  Background<> failing(threads, [] { return Result<>(Fail(Code::kInternal, "step", "it")); });
  EXPECT_EQ(failing.Wait().error().step, "step");
}

TEST(Background, IsTakenByTheCallerWhileTheThreadsAreBusy) {
  WorkerPool threads(1);
  Busy busy(threads);
  std::thread::id taken_by;
  Background<> step(threads, [&]() -> Result<> {
    taken_by = std::this_thread::get_id();
    return {};
  });
  ASSERT_TRUE(step.Wait());
  EXPECT_EQ(taken_by, std::this_thread::get_id());
}

TEST(Background, LeavesOutAStepThatNobodyBegan) {
  WorkerPool threads(1);
  bool taken = false;
  {
    Busy busy(threads);
    Background<> step(threads, [&]() -> Result<> {
      taken = true;
      return {};
    });
  }
  Busy behind_it_in_the_queue(threads);
  EXPECT_FALSE(taken);
}

TEST(Background, OutlivesNoObjectThatItsStepUses) {
  WorkerPool threads(1);
  std::promise<void> begun;
  std::optional<int> used = 1;
  int seen = 0;
  {
    Background<> step(threads, [&]() -> Result<> {
      begun.set_value();
      std::this_thread::yield();
      seen = *used;
      return {};
    });
    begun.get_future().wait();
  }
  used.reset();
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace davit
