// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace davit::cli {
namespace {

TEST(TableTest, AlignsColumnsAndEndsNoLineInSpace) {
  Table table({"ID", "NAME", "STATE"});
  table.Add({"3fa2c1", "web", "Running"});
  table.Add({"7", "database", "Exited (1)"});
  EXPECT_EQ(table.ToString(),
            "ID       NAME       STATE\n"
            "3fa2c1   web        Running\n"
            "7        database   Exited (1)\n");
}

TEST(TableTest, ShowsEmptyAndMissingCells) {
  Table table({"A", "B", "C"});
  table.Add({"", "x"});
  EXPECT_EQ(table.ToString(), "A   B   C\n-   x   -\n");
}

TEST(TableTest, CountsCharactersNotBytes) {
  Table table({"A", "B"});
  table.Add({"é", "x"});
  table.Add({"ee", "x"});
  EXPECT_EQ(table.ToString(), "A    B\né    x\nee   x\n");
}

TEST(TableTest, DoesNotLetACellSteerTheTerminal) {
  Table table({"A"});
  table.Add({"x\x1b[2Jy\nz"});
  EXPECT_EQ(table.ToString(), "A\nx?[2Jy?z\n");
}

TEST(TextTest, ShortIdIsTwelveDigits) {
  EXPECT_EQ(ShortId("sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(ShortId("0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(ShortId("01"), "01");
}

TEST(TextTest, AgeIsInTheLargestWholeUnit) {
  auto age = [](int64_t seconds) { return AgeText(1'000'000'000, 1'000'000'000 + seconds * 1'000'000'000); };
  EXPECT_EQ(age(-5), "0s");
  EXPECT_EQ(age(59), "59s");
  EXPECT_EQ(age(60), "1m");
  EXPECT_EQ(age(7199), "1h");
  EXPECT_EQ(age(86400 * 3), "3d");
}

TEST(TextTest, SizeIsDecimal) {
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(999), "999 B");
  EXPECT_EQ(SizeText(4'213'000), "4.2 MB");
  EXPECT_EQ(SizeText(999'960), "1.0 MB");
  EXPECT_EQ(SizeText(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace davit::cli
