// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/ongoing_fetch.h"

#include <gtest/gtest.h>

namespace davit::images {
namespace {

class Patience : public ::testing::Test {
 protected:
  static std::shared_ptr<OngoingFetch> Fetch(const std::string& origin, const std::string& digest = "d") {
    auto fetch = std::make_shared<OngoingFetch>();
    fetch->origin = origin;
    fetch->digest = digest;
    fetch->size = 1'000'000;
    return fetch;
  }

  FetchPatience patience_{/*most_ms=*/2000};
  std::shared_ptr<OngoingFetch> ours_ = Fetch("good.example");
};

TEST_F(Patience, IsForTheSameBlobOnly) {
  EXPECT_FALSE(patience_.IsWorthWaiting(*ours_, Fetch("other.example", "another"), 0));
  auto longer = Fetch("other.example");
  longer->size = 2'000'000;
  EXPECT_FALSE(patience_.IsWorthWaiting(*ours_, longer, 0)) << "its end may be far away";
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, Fetch("other.example"), 0));
}

TEST_F(Patience, IsLimitedInSumWithAllOtherOrigins) {
  auto theirs = Fetch("other.example");
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, theirs, 1000));
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, theirs, 2500));
  auto third = Fetch("third.example");
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, third, 60'000)) << "the time between two layers is our own";
  third->received = 999'999;
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, third, 60'499));
  EXPECT_FALSE(patience_.IsWorthWaiting(*ours_, third, 60'500)) << "however fast it is";
  EXPECT_FALSE(patience_.IsWorthWaiting(*ours_, Fetch("fourth.example"), 60'501));
}

TEST_F(Patience, DoesNotEndWhileTheSameOriginSends) {
  auto theirs = Fetch("good.example");
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, theirs, 0));
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, theirs, 60'000)) << "it would be as slow for us";
  theirs->received = theirs->size;
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, theirs, 61'000)) << "it waits for a layer below";
  EXPECT_FALSE(patience_.IsWorthWaiting(*ours_, theirs, 63'000)) << "which may never come";
}

TEST_F(Patience, DoesNotEndForARemoval) {
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, nullptr, 0));
  EXPECT_TRUE(patience_.IsWorthWaiting(*ours_, nullptr, 120'000));
}

TEST_F(Patience, IsLimitedWithoutAnOrigin) {
  auto anywhere = Fetch("");
  EXPECT_TRUE(patience_.IsWorthWaiting(*Fetch(""), anywhere, 0));
  EXPECT_FALSE(patience_.IsWorthWaiting(*Fetch(""), anywhere, 60'000));
}

}  // namespace
}  // namespace davit::images
