// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/tokens.h"

#include <gtest/gtest.h>

namespace davit::streaming {
namespace {

const StreamOrder kOrder = AttachOrder{"container", {}};

TEST(StreamTokens, ATokenIsGoodOnce) {
  StreamTokens tokens;
  std::string token = *tokens.Issue(kOrder);
  EXPECT_EQ(token.size(), 32u) << "128 bits in hexadecimal";
  ASSERT_TRUE(tokens.Redeem(token));
  EXPECT_FALSE(tokens.Redeem(token));
  EXPECT_FALSE(tokens.Redeem(std::string(32, '0')));
}

TEST(StreamTokens, ATokenExpires) {
  StreamTokens tokens;
  StreamTokens::Clock::time_point now = StreamTokens::Clock::now();
  std::string first = *tokens.Issue(kOrder, now);
  std::string second = *tokens.Issue(kOrder, now);
  EXPECT_TRUE(tokens.Redeem(first, now + std::chrono::seconds(59)));
  EXPECT_FALSE(tokens.Redeem(second, now + std::chrono::seconds(60)));
}

TEST(StreamTokens, OnlySoManyWaitForTheirClients) {
  StreamTokens tokens;
  StreamTokens::Clock::time_point now = StreamTokens::Clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(tokens.Issue(kOrder, now));
  Result<std::string> refused = tokens.Issue(kOrder, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_TRUE(tokens.Issue(kOrder, now + std::chrono::seconds(60))) << "those that expired make room";
}

}  // namespace
}  // namespace davit::streaming
