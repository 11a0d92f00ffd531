// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/host_facts.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace davit::cri {
namespace {

constexpr char kStatus[] =
    "Name:\tdavitd\nCapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\nCapBnd:\t000001ffffffffff\n";

TEST(HostFacts, CountsWhatTheDaemonHasItself) {
  auto facts = ParseHostFacts(kStatus, "-999\n");
  ASSERT_TRUE(facts) << facts.error().ToString();
  EXPECT_EQ(facts->capabilities, 0x1fffeffffffu);
  EXPECT_FALSE(facts->can_lower_oom_score);  // bit 24, CAP_SYS_RESOURCE
  EXPECT_EQ(facts->own_oom_score_adj, -999);
}

TEST(HostFacts, RefusesAStatusWithoutCapabilities) {
  EXPECT_FALSE(ParseHostFacts("Name:\tdavitd\n", "0\n"));
  EXPECT_FALSE(ParseHostFacts("\nCapPrm:\tzz\nCapBnd:\t0\n", "0\n"));
  EXPECT_FALSE(ParseHostFacts(kStatus, ""));
}

TEST(HostFacts, CanBeCollectedHere) {
  auto facts = CollectHostFacts();
  ASSERT_TRUE(facts) << facts.error().ToString();
  EXPECT_GE(facts->own_oom_score_adj, -1000);
  EXPECT_LE(facts->own_oom_score_adj, 1000);
}

}  // namespace
}  // namespace davit::cri
