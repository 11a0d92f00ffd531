// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/text_forms.h"

#include <gmock/gmock.h>

namespace davit::cli::compose {
namespace {

using ::testing::ElementsAre;

TEST(TextForms, WordsAreThoseOfAShell) {
  EXPECT_THAT(*SplitWords("sh -c 'echo \"a b\"' x\\ y \"\" \"a \\\" b\""),
              ElementsAre("sh", "-c", "echo \"a b\"", "x y", "", "a \" b"));
  EXPECT_THAT(*SplitWords("  "), ElementsAre());
  EXPECT_FALSE(SplitWords("echo 'a"));
}

TEST(TextForms, DurationsAreThoseOfGo) {
  EXPECT_EQ(ParseDuration("1m30s"), 90'000'000'000);
  EXPECT_EQ(ParseDuration("1.5s"), 1'500'000'000);
  EXPECT_EQ(ParseDuration("200ms"), 200'000'000);
  for (const char* bad : {"", "5", "s", "-1s", "1x", "1e300h", "999999999h"})
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  EXPECT_EQ(DurationText(90'000'000'000), "1m30s");
  EXPECT_EQ(DurationText(3'600'000'000'000), "1h0m0s");
  EXPECT_EQ(DurationText(1'500'000'000), "1.5s");
  EXPECT_EQ(DurationText(200'000'000), "200ms");
  EXPECT_EQ(DurationText(0), "0s");
}

TEST(TextForms, SizesHaveBinaryUnits) {
  EXPECT_EQ(ParseBytes("512m"), 512 << 20);
  EXPECT_EQ(ParseBytes("1.5GB"), 3LL << 29);
  EXPECT_EQ(ParseBytes("1KiB"), 1024);
  EXPECT_EQ(ParseBytes("4096"), 4096);
  EXPECT_EQ(ParseBytes("7b"), 7);
  for (const char* bad : {"", "m", "-1", "5x", "1mm", "1e30", "99999999t"})
    EXPECT_FALSE(ParseBytes(bad)) << bad;
}

}  // namespace
}  // namespace davit::cli::compose
