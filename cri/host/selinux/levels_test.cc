// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace davit::cri {
namespace {

using ::testing::MatchesRegex;

// Four categories make six pairs.
constexpr uint32_t kFew = 4;
constexpr int kPairs = 6;

std::set<std::string> TakeAll(Levels& levels, int count) {
  std::set<std::string> taken;
  for (int i = 0; i < count; ++i) {
    Result<std::string> level = levels.Take("pod " + std::to_string(i), "s0");
    if (level) taken.insert(*level);
  }
  return taken;
}

TEST(Levels, EveryPodHasOneOfItsOwn) {
  Levels levels(kFew);
  EXPECT_EQ(TakeAll(levels, kPairs),
            (std::set<std::string>{"s0:c0,c1", "s0:c0,c2", "s0:c0,c3", "s0:c1,c2", "s0:c1,c3", "s0:c2,c3"}));
  Result<std::string> none = levels.Take("one more", "s0");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kResourceExhausted);
}

TEST(Levels, OneThatIsGivenBackIsFree) {
  Levels levels(kFew);
  TakeAll(levels, kPairs);
  levels.GiveBack("pod 3");
  levels.GiveBack("pod 3");
  levels.GiveBack("somebody else");
  EXPECT_TRUE(levels.Take("new", "s0"));
  EXPECT_FALSE(levels.Take("newer", "s0"));
}

TEST(Levels, WhatSomebodyHasChosenIsNotDrawn) {
  Levels levels(kFew);
  levels.Hold("a", "s0:c1,c2");
  levels.Hold("b", "s0:c2,c1");
  EXPECT_EQ(TakeAll(levels, kPairs).size(), kPairs - 1U);
  levels.GiveBack("a");
  EXPECT_FALSE(levels.Take("c", "s0")) << "b has it still";
  levels.GiveBack("b");
  EXPECT_EQ(levels.Take("c", "s0").value_or(""), "s0:c1,c2");
}

TEST(Levels, LevelsWithoutAPairAreInNobodysWay) {
  Levels levels(kFew);
  for (const char* level : {"s0", "", "s0:c1", "s0:c0.c3", "s0-s0:c0.c3", "s0:c1,c2,c3", "s0:c1,x"})
    levels.Hold(level, level);
  EXPECT_EQ(TakeAll(levels, kPairs).size(), static_cast<size_t>(kPairs));
}

TEST(Levels, AnOwnerHasOneLevel) {
  Levels levels(kFew);
  levels.Hold("a", "s0:c0,c1");
  levels.Hold("a", "s0:c0,c2");
  EXPECT_EQ(TakeAll(levels, kPairs).size(), kPairs - 1U);
}

TEST(Levels, AreDrawnFromAllCategories) {
  Levels levels;
  std::set<std::string> drawn;
  for (int i = 0; i < 3; ++i) {
    Result<std::string> level = levels.Take(std::to_string(i), "s0");
    ASSERT_TRUE(level);
    EXPECT_THAT(*level, MatchesRegex("s0:c[0-9]+,c[0-9]+"));
    drawn.insert(*level);
  }
  EXPECT_EQ(drawn.size(), 3U);
}

}  // namespace
}  // namespace davit::cri
