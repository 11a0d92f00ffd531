// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/expander.h"

#include <gmock/gmock.h>

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

class ExpanderTest : public testing::Test {
 protected:
  ExpanderTest() {
    Set("v", "value");
    Set("empty", "");
    Set("path", "/usr/lib/lib.so.1");
    Set("words", " a  b ");
    Set("stars", "a*b*c");
  }
  void Set(const char* name, const std::string& value) { ASSERT_TRUE(variables_.Set(name, value)); }

  std::string Word(const std::string& text, const ExpansionStyle& style = {}) {
    Expander expander(style, variables_, budget_);
    auto word = expander.Word({text, {3, 5}});
    unset_ = expander.unset();
    return word ? *word : "error: " + word.error().text;
  }
  std::vector<std::string> Words(const std::string& text) {
    Expander expander({}, variables_, budget_);
    return expander.Words({text, {3, 5}}).value_or(std::vector<std::string>{"error"});
  }

  Variables variables_;
  ExpansionBudget budget_;
  std::set<std::string> unset_;
};

TEST_F(ExpanderTest, ReplacesVariables) {
  EXPECT_EQ(Word("a$v-${v}b$nothing"), "avalue-valueb");
  EXPECT_THAT(unset_, ElementsAre("nothing"));
  EXPECT_EQ(Word("\\$v '$v' \"$v\""), "$v $v value");
  EXPECT_EQ(Word("$v\xE2\x80\x93 $1x $$ $."), "value\xE2\x80\x93 x  $.") << "a dash of Unicode is no letter";
}

TEST_F(ExpanderTest, ReplacesWhatIsNotSetOrEmpty) {
  EXPECT_EQ(Word("${x:-a}${empty:-b}${empty-c}${v:-d}${x-$v}"), "abvaluevalue");
  EXPECT_EQ(Word("${x:+a}${empty:+b}${empty+c}${v:+d}"), "cd");
  EXPECT_EQ(Word("${v:?no}${empty?no}"), "value");
  EXPECT_EQ(Word("${x?no $v}"), "error: cannot expand \"${x?no $v}\": x: no value");
  EXPECT_THAT(Word("${empty:?}"), EndsWith("empty: is not allowed to be empty"));
  EXPECT_THAT(Word("${x?}"), EndsWith("x: is not allowed to be unset"));
}

TEST_F(ExpanderTest, RemovesPatterns) {
  EXPECT_EQ(Word("${path#*/}"), "usr/lib/lib.so.1");
  EXPECT_EQ(Word("${path##*/}"), "lib.so.1");
  EXPECT_EQ(Word("${path%.*}"), "/usr/lib/lib.so");
  EXPECT_EQ(Word("${path%%.*}"), "/usr/lib/lib");
  EXPECT_EQ(Word("${path#??s}"), "r/lib/lib.so.1");
  EXPECT_EQ(Word("${stars%\\**}"), "a*b");
  EXPECT_EQ(Word("${v#x}${x#a}"), "value");
  EXPECT_THAT(Word("${v#\\a}"), EndsWith("invalid pattern (\\a) in substitution: invalid escape '\\a'"));
}

TEST_F(ExpanderTest, ReplacesPatterns) {
  EXPECT_EQ(Word("${path/lib/LIB}"), "/usr/LIB/lib.so.1");
  EXPECT_EQ(Word("${path//lib/LIB}"), "/usr/LIB/LIB.so.1");
  EXPECT_EQ(Word("${path//\\//:}"), ":usr:lib:lib.so.1");
  EXPECT_EQ(Word("${stars//\\*/}"), "abc");
  EXPECT_EQ(Word("${stars/\\**/$v}"), "avalue");
  EXPECT_EQ(Word("${v//a/\\$1}"), "v\\$1lue") << "no reference to a group";
  EXPECT_EQ(Word("${empty//x/y}${empty/*/z}"), "z");
}

TEST_F(ExpanderTest, NestsSubstitutions) {
  EXPECT_EQ(Word("${x:-${y:-${v#va}}}"), "lue");
  EXPECT_EQ(Word("${x:-\"a}\"}"), "a}");
}

TEST_F(ExpanderTest, RefusesOtherForms) {
  for (const char* text : {"${", "${v", "${}", "${{v}", "${:-a}", "${v:a}", "${v=a}", "${v:#a}", "${v/a}",
                           "${v:-a", "'a", "\"a", "a\"b\\\"", "${.}"}) {
    EXPECT_THAT(Word(text), testing::StartsWith("error: cannot expand")) << text;
  }
}

TEST_F(ExpanderTest, SplitsAtBlanksWithoutQuotes) {
  EXPECT_THAT(Words("x $words y"), ElementsAre("x", "a", "b", "y"));
  EXPECT_THAT(Words("x\"$words\"y"), ElementsAre("x a  b y"));
  EXPECT_THAT(Words("a\\ b 'c d'"), ElementsAre("a b", "c d"));
  EXPECT_THAT(Words("x${n:-1}2$words"), ElementsAre("x12", "a", "b")) << "a nested text is not a word";
}

TEST_F(ExpanderTest, HasTheEscapeCharacterOfTheFile) {
  EXPECT_EQ(Word("C:\\$v `$v", {.escape = '`'}), "C:\\value $v");
  EXPECT_EQ(Word("\"a`\"b\"", {.escape = '`'}), "a\"b");
}

TEST_F(ExpanderTest, KeepsWhatItIsAskedTo) {
  EXPECT_EQ(Word("\"a $v\" 'b' \\c $x", {.quotes_stay = true, .escapes_stay = true, .unset_stays = true}),
            "\"a value\" 'b' \\c $x");
  EXPECT_EQ(Word("'$v' \"\\$v", {.quotes_are_text = true}), "'value' \"$v");
  EXPECT_EQ(Word("${x:-a}${x//b/c}${v}", {.unset_stays = true}), "${x:-a}${x/b/c}value");
}

TEST_F(ExpanderTest, LimitsItsDepth) {
  std::string deep = "x";
  for (int i = 0; i < kMaxExpansionDepth; ++i) deep = "${u:-" + deep + "}";
  EXPECT_EQ(Word(deep), "x");
  EXPECT_THAT(Word("${u:-" + deep + "}"), EndsWith("more than 64 substitutions in each other"));
  EXPECT_THAT(Word([] {
                std::string text;
                for (int i = 0; i < 100'000; ++i) text += "${u:-";
                return text;
              }()),
              EndsWith("more than 64 substitutions in each other"));
}

TEST_F(ExpanderTest, LimitsWhatItWrites) {
  Set("big", std::string(kMaxExpandedBytes, 'x'));
  EXPECT_EQ(Word("$big").size(), kMaxExpandedBytes);
  EXPECT_THAT(Word("$big$big$big$big$big$big"), EndsWith("the text becomes too long"));
  EXPECT_THAT(Word("${u:-$big$big}"), EndsWith("the text becomes too long"));
  budget_.bytes = 10;
  EXPECT_THAT(Word("$v$v$v"), EndsWith("expand to more than 64 MiB"));
}

TEST_F(ExpanderTest, LimitsTheStepsOfPatterns) {
  Set("big", std::string(200'000, 'a'));
  budget_.steps = 3'000'000;
  EXPECT_THAT(Word("${big//*a*a*a*a*a*a*b/c}"),
              EndsWith("the pattern takes too many steps or makes the text too long"));
  EXPECT_EQ(budget_.steps, 0u);
  EXPECT_THAT(Word("${v#v}"), EndsWith("too many steps or makes the text too long")) << "over the whole file";
  budget_ = {};
  EXPECT_THAT(Word("${big//a/aaaaaaaaaa}"), EndsWith("makes the text too long"));
}

}  // namespace
}  // namespace davit::cli::dockerfile
