// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/detach_keys.h"

#include <gtest/gtest.h>

namespace davit::cli {
namespace {

TEST(DetachKeys, AreReadInDockersForm) {
  EXPECT_EQ(ParseDetachKeys(kDefaultDetachKeys).value(), "\x10\x11");
  EXPECT_EQ(ParseDetachKeys("ctrl-a,a").value(),
            "\x01"
            "a");
  EXPECT_EQ(ParseDetachKeys("CTRL-A").error().code, Code::kInvalidArgument);
  EXPECT_EQ(ParseDetachKeys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_").value(),
            std::string("\0\x1b\x1c\x1d\x1e\x1f", 6));
  EXPECT_EQ(ParseDetachKeys(",").value(), ",");
  EXPECT_EQ(ParseDetachKeys(",,a").value(), ",a");
  EXPECT_EQ(ParseDetachKeys("ctrl-p,,").value(), "\x10,");
  EXPECT_EQ(ParseDetachKeys("").value(), "");
}

TEST(DetachKeys, OthersAreRefused) {
  for (const char* text : {"ctrl-", "ctrl-1", "ctrl-pp", "ab", "a,", "a,bc", "alt-x"})
    EXPECT_FALSE(ParseDetachKeys(text)) << text;
}

TEST(DetachFilterTest, FindsTheKeysHoweverTheReadsSplitThem) {
  const std::string typed = "ls\n\x10\x11rest";
  for (size_t first = 0; first <= typed.size(); ++first) {
    for (size_t second = first; second <= typed.size(); ++second) {
      DetachFilter filter("\x10\x11");
      std::string passed = filter.Pass(typed.substr(0, first));
      passed += filter.Pass(typed.substr(first, second - first));
      passed += filter.Pass(typed.substr(second));
      EXPECT_EQ(passed, "ls\n") << first << " " << second;
      EXPECT_TRUE(filter.found());
    }
  }
}

TEST(DetachFilterTest, PassesABeginningOnThatIsNotFollowedByTheRest) {
  DetachFilter filter("\x10\x11");
  EXPECT_EQ(filter.Pass("\x10"), "");
  EXPECT_EQ(filter.Pass("x"), "\x10x");
  EXPECT_EQ(filter.Pass("\x11"), "\x11");
  EXPECT_FALSE(filter.found());
}

TEST(DetachFilterTest, FindsKeysThatBeginAgainInTheirOwnBeginning) {
  DetachFilter twice("\x10\x11");
  EXPECT_EQ(twice.Pass("\x10\x10\x11"), "\x10");
  EXPECT_TRUE(twice.found());
  DetachFilter nested("aab");
  EXPECT_EQ(nested.Pass("aaab"), "a");
  EXPECT_TRUE(nested.found());
  DetachFilter longer("abab!");
  EXPECT_EQ(longer.Pass("ababab!"), "ab");
  EXPECT_TRUE(longer.found());
}

TEST(DetachFilterTest, WithoutKeysEverythingPasses) {
  DetachFilter filter("");
  EXPECT_EQ(filter.Pass("\x10\x11"), "\x10\x11");
  EXPECT_FALSE(filter.found());
}

}  // namespace
}  // namespace davit::cli
