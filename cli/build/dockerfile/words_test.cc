// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/words.h"

#include <gmock/gmock.h>

#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/csv.h"
#include "cli/build/dockerfile/nearest_word.h"
#include "cli/build/dockerfile/quantities.h"
#include "cli/build/dockerfile/testing/reading.h"

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;

PlacedText Placed(std::string_view text) {
  PlacedText placed;
  placed.Append(text, {1, 1});
  return placed;
}

std::vector<std::string> WordsOf(std::string_view text, char escape = '\\') {
  const PlacedText placed = Placed(text);
  return TextsOf(SplitWords(Span(placed), escape));
}

TEST(Words, KeepQuotesAndEscapes) {
  EXPECT_THAT(WordsOf("a  b"), ElementsAre("a", "b"));
  EXPECT_THAT(WordsOf("a\\ b 'c d' \"e\\\" f\""), ElementsAre("a\\ b", "'c d'", "\"e\\\" f\""));
  EXPECT_THAT(WordsOf("'a\\' b'"), ElementsAre("'a\\'", "b'")) << "no escapes between single quotes";
  EXPECT_THAT(WordsOf("a` b", '`'), ElementsAre("a` b"));
  EXPECT_THAT(WordsOf("a\\"), ElementsAre("a"));
  EXPECT_THAT(WordsOf("a\xC2\xA0"
                      "b \xE3\x80\x80"),
              ElementsAre("a", "b"))
      << "blanks of Unicode";
  EXPECT_THAT(WordsOf("''"), ElementsAre("''"));
}

TEST(Flags, AreTheWordsInFrontWithTwoDashes) {
  const PlacedText placed = Placed("--a=\"b c\" --d\\ e -f --g");
  std::vector<Token> flags;
  EXPECT_EQ(TakeFlags(Span(placed), '\\', flags).text(), "-f --g");
  EXPECT_THAT(TextsOf(flags), ElementsAre("--a=b c", "--d e"));
  EXPECT_EQ(flags[1].place, (Place{1, 11}));
}

TEST(Flags, EndAtTwoDashesAlone) {
  const PlacedText placed = Placed("--a -- --b");
  std::vector<Token> flags;
  EXPECT_EQ(Trimmed(TakeFlags(Span(placed), '\\', flags).text()), "--b");
  EXPECT_THAT(TextsOf(flags), ElementsAre("--a"));
}

TEST(Csv, HasQuotedFields) {
  EXPECT_EQ(SplitCsv("a=b,\"c=d,\"\"e\"\"\",").value(), (std::vector<std::string>{"a=b", "c=d,\"e\"", ""}));
  for (const char* bad : {"", "a\"b", "\"a", "\"a\"b"}) EXPECT_FALSE(SplitCsv(bad)) << bad;
}

TEST(NearestWord, DiffersInAtMostTwoCharacters) {
  const std::vector<std::string> words = {"RUN", "ENTRYPOINT", "ENV"};
  auto nearest = [&](std::string_view word) {
    return NearestWord(word, std::span<const std::string>(words));
  };
  EXPECT_EQ(nearest("RUNN"), "RUN");
  EXPECT_EQ(nearest("entripont"), "entrypoint");
  EXPECT_EQ(nearest("Evn"), "ENV");
  EXPECT_EQ(nearest("SOMETHING"), "");
  EXPECT_EQ(nearest("x"), "") << "any word is near to a letter";
}

TEST(Quantities, HaveUnits) {
  EXPECT_EQ(ParseDuration("1h2m3.5s"), 3'723'500'000'000);
  EXPECT_EQ(ParseDuration("-100ms"), -100'000'000);
  EXPECT_EQ(ParseDuration("0"), 0);
  for (const char* bad : {"", "1", "s", "1x", "1 s", "1e3s", ".s", "9999999999h"})
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  EXPECT_EQ(ParseByteSize("10"), 10);
  EXPECT_EQ(ParseByteSize("1.5k"), 1536);
  EXPECT_EQ(ParseByteSize("2 MiB"), 2 << 20);
  EXPECT_EQ(ParseByteSize("1gb"), 1 << 30);
  for (const char* bad : {"", "m", "-1", "1x", "1bb", "1mbi", "99999999p"})
    EXPECT_FALSE(ParseByteSize(bad)) << bad;
  EXPECT_EQ(ParseNumber("0755", 8), 0755u);
  for (const char* bad : {"", "8", "-1", "+1", "1 ", "40000000000"}) EXPECT_FALSE(ParseNumber(bad, 8)) << bad;
}

}  // namespace
}  // namespace davit::cli::dockerfile
