// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/client_gone.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace davit::cri {
namespace {

TEST(ClientGoneTest, OneThreadAsksAtATime) {
  std::atomic<int> asking = 0;
  std::atomic<int> most = 0;
  ClientGone gone([&] {
    int now = ++asking;
    if (now > most) most = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --asking;
    return false;
  });
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int ask = 0; ask < 50; ++ask) EXPECT_FALSE(gone());
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
}

TEST(ClientGoneTest, AClientDoesNotComeBack) {
  int asked = 0;
  ClientGone gone([&] { return ++asked == 2; });
  EXPECT_FALSE(gone());
  EXPECT_TRUE(gone());
  EXPECT_TRUE(gone());
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace davit::cri
