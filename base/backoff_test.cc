// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/backoff.h"

#include <gtest/gtest.h>

namespace davit {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, PausesDoubleUpToTheLongest) {
  Backoff backoff(milliseconds(100), milliseconds(350));
  EXPECT_EQ(backoff.Next(), milliseconds(100));
  EXPECT_EQ(backoff.Next(), milliseconds(200));
  EXPECT_EQ(backoff.Next(), milliseconds(350));
  EXPECT_EQ(backoff.Next(), milliseconds(350));
}

TEST(Backoff, ASuccessBeginsWithTheFirstPauseAgain) {
  Backoff backoff(milliseconds(100), milliseconds(1000));
  (void)backoff.Next();
  (void)backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), milliseconds(100));
}

}  // namespace
}  // namespace davit
