// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "base/background.h"

namespace davit {
namespace {

TEST(WorkerPool, WorkThatThrowsLeavesTheThreadToTheNext) {
  WorkerPool pool(1);
  std::promise<void> ran;
  pool.Post([] { throw std::runtime_error("thrown by a test"); });
  pool.Post([&ran] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(WorkerPool, ABackgroundStepThatThrowsIsAnErrorToItsWaiter) {
  WorkerPool pool(1);
  std::promise<void> begun;
  Background<> step(pool, [&begun]() -> Result<> {
    begun.set_value();
    throw std::runtime_error("thrown by a test");
  });
  begun.get_future().wait();  // on the pool's thread, and not on the waiter's
  Result<> ended = step.Wait();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::kInternal);
}

}  // namespace
}  // namespace davit
