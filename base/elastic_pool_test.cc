// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/elastic_pool.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <stdexcept>

namespace davit {
namespace {

TEST(ElasticPool, AThreadIsStartedForWorkThatFindsNoneIdle) {
  ElasticPool pool(3);
  std::latch all_at_once(3);
  std::latch done(3);
  for (int i = 0; i < 3; ++i) {
    pool.Post([&] {
      all_at_once.arrive_and_wait();  // for ever with fewer threads
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(pool.threads(), 3u);
}

TEST(ElasticPool, WorkBeyondItsThreadsWaitsInOrder) {
  ElasticPool pool(1);
  std::promise<void> go;
  std::vector<int> order;
  std::promise<void> done;
  pool.Post([ready = go.get_future().share()] { ready.wait(); });
  pool.Post([&order] { order.push_back(1); });
  pool.Post([&order, &done] {
    order.push_back(2);
    done.set_value();
  });
  EXPECT_EQ(pool.threads(), 1u);
  go.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(ElasticPool, AnIdleThreadEndsAndTheNextWorkStartsAnother) {
  ElasticPool pool(2, /*idle_time=*/std::chrono::milliseconds(1));
  std::promise<void> first;
  pool.Post([&first] { first.set_value(); });
  first.get_future().wait();
  while (pool.threads() > 0) std::this_thread::yield();
  std::promise<void> second;
  pool.Post([&second] { second.set_value(); });
  second.get_future().wait();
}

TEST(ElasticPool, WorkThatThrowsLeavesTheThreadToTheNext) {
  ElasticPool pool(1);
  std::promise<void> ran;
  pool.Post([] { throw std::runtime_error("thrown by a test"); });
  pool.Post([&ran] { ran.set_value(); });
  ran.get_future().wait();
}

TEST(ElasticPool, WhatWorkPostsWhileThePoolEndsIsDiscarded) {
  auto pool = std::make_unique<ElasticPool>(64);
  std::promise<void> begun;
  pool->Post([&begun, to = pool.get()] {
    begun.set_value();
    for (int i = 0; i < 1000; ++i) {
      to->Post([] {});
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  begun.get_future().wait();
  pool.reset();  // joins every thread: one that was started now would end the process
}

}  // namespace
}  // namespace davit
