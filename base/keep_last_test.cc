// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/keep_last.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace davit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Items = std::vector<std::pair<std::string, int>>;

// By value: a key that is moved away too early shows.
std::string KeyOf(const std::pair<std::string, int>& item) {
  return item.first;
}

Items Kept(Items items, Place place) {
  KeepLastOfEachKey(items, place, KeyOf);
  return items;
}

TEST(KeepLast, TheLastItemOfAKeyStaysAtThePlaceAskedFor) {
  Items items = {{"a", 1}, {"b", 2}, {"a", 3}, {"c", 4}, {"b", 5}, {"a", 6}};
  EXPECT_THAT(Kept(items, Place::kOfTheFirst),
              ElementsAre(std::pair("a", 6), std::pair("b", 5), std::pair("c", 4)));
  EXPECT_THAT(Kept(items, Place::kOfTheLast),
              ElementsAre(std::pair("c", 4), std::pair("b", 5), std::pair("a", 6)));
}

TEST(KeepLast, DifferentKeysStayAsTheyAre) {
  Items items = {{"c", 1}, {"a", 2}, {"b", 3}};
  EXPECT_EQ(Kept(items, Place::kOfTheFirst), items);
  EXPECT_EQ(Kept(items, Place::kOfTheLast), items);
  EXPECT_THAT(Kept({}, Place::kOfTheFirst), IsEmpty());
}

// Work is counted, not timed: a search through the list for each item takes 50,000,000 comparisons here.
TEST(KeepLast, TheWorkGrowsWithTheListAndNotWithItsSquare) {
  constexpr int kItems = 10'000;
  for (Place place : {Place::kOfTheFirst, Place::kOfTheLast}) {
    Items items;
    for (int i = 0; i < kItems; ++i) items.emplace_back(std::to_string(i * 7919 % 9000), i);
    int compared = 0;
    KeepLastOfEachKey(items, place, KeyOf, [&compared](const std::string& a, const std::string& b) {
      ++compared;
      return a < b;
    });
    EXPECT_EQ(items.size(), 9000U);
    EXPECT_LT(compared, 40 * kItems);
  }
}

}  // namespace
}  // namespace davit
