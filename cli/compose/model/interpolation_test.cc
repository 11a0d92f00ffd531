// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/interpolation.h"

#include <gmock/gmock.h>

#include "cli/compose/model/env_file.h"

namespace davit::cli::compose {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const Environment& Variables() {
  static const Environment variables = {{"NAME", "web"}, {"EMPTY", ""}, {"A_1", "one"}};
  return variables;
}

std::string Replaced(const std::string& text) {
  Result<std::string> result = Interpolation(Variables()).Replace(text);
  return result ? *result : "error: " + result.error().ToString();
}

struct Case {
  std::string text;
  std::string wanted;
};

class Replacement : public ::testing::TestWithParam<Case> {};

TEST_P(Replacement, IsAsInCompose) {
  EXPECT_EQ(Replaced(GetParam().text), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    All, Replacement,
    ::testing::Values(Case{"a $NAME b", "a web b"}, Case{"${NAME}s", "webs"}, Case{"$A_1.x", "one.x"},
                      Case{"$$NAME", "$NAME"}, Case{"$${NAME}", "${NAME}"}, Case{"${GONE}", ""},
                      Case{"${GONE:-d}", "d"}, Case{"${GONE-d}", "d"}, Case{"${EMPTY:-d}", "d"},
                      Case{"${EMPTY-d}", ""}, Case{"${NAME:-d}", "web"}, Case{"${NAME:+r}", "r"},
                      Case{"${EMPTY:+r}", ""}, Case{"${EMPTY+r}", "r"}, Case{"${GONE+r}", ""},
                      Case{"${NAME:?no}", "web"}, Case{"${EMPTY?no}", ""}, Case{"${GONE:-}", ""},
                      Case{"${GONE:-${NAME}-x}", "web-x"}, Case{"${GONE:-${ALSO:-deep}}", "deep"},
                      Case{"${GONE:-a:b}", "a:b"}, Case{"${GONE:-{}}", "{}"}));

TEST(Interpolation, NamesWhatIsMissing) {
  EXPECT_THAT(Replaced("x${GONE:?set it}"), HasSubstr("${GONE}: set it"));
  EXPECT_THAT(Replaced("${EMPTY:?}"), HasSubstr("the variable is required"));
  EXPECT_THAT(Replaced("${NAME"), HasSubstr("a closing brace is missing"));
  EXPECT_THAT(Replaced("cost: 5$"), HasSubstr("$$ for a dollar"));
  EXPECT_THAT(Replaced("${1}"), HasSubstr("$$ for a dollar"));
  EXPECT_THAT(Replaced("${NAME:x}"), HasSubstr("$$ for a dollar"));
}

TEST(Interpolation, KeepsTheNamesWithoutValues) {
  Interpolation interpolation(Variables());
  EXPECT_TRUE(interpolation.Replace("$GONE ${OTHER:-x} $EMPTY"));
  EXPECT_THAT(interpolation.unset(), ElementsAre("GONE"));
}

TEST(Interpolation, ItsResultsAreBounded) {
  Environment large = {{"L", std::string(1 << 20, 'x')}};
  Interpolation interpolation(large);
  Result<std::string> result = interpolation.Replace("$L");
  for (int i = 0; i < 20 && result; ++i) result = interpolation.Replace("$L");
  EXPECT_FALSE(result);
}

TEST(EnvFile, ReadsQuotesRemarksAndVariables) {
  Result<Environment> read = ParseEnvFile(
      "# remark\n\nA=1 # one\nexport B = two words \nC='it $A'\nD=\"x\\n${A}\\$\"\nE=a#b\nF=\nNAME\nGONE\n"
      "G=\"two\nlines\"\n",
      ".env", Variables());
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_THAT(*read,
              ElementsAre(Pair("A", "1"), Pair("B", "two words"), Pair("C", "it $A"), Pair("D", "x\n1$"),
                          Pair("E", "a#b"), Pair("F", ""), Pair("G", "two\nlines"), Pair("NAME", "web")));
}

TEST(EnvFile, NamesTheLineThatIsWrong) {
  EXPECT_THAT(ParseEnvFile("A=1\nno name\n", ".env", {}).error().ToString(), HasSubstr(".env:2"));
  EXPECT_THAT(ParseEnvFile("A='1\n", ".env", {}).error().ToString(), HasSubstr("closing quote"));
  EXPECT_THAT(ParseEnvFile("A=\"1\" 2\n", ".env", {}).error().ToString(),
              HasSubstr("after the closing quote"));
}

TEST(EnvFile, RawValuesStayAsTheyAre) {
  Result<Environment> read = ParseRawEnvFile("A='$B' # x\n", ".env", {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("A"), "'$B' # x");
}

TEST(EnvFile, CannotGrowByItself) {
  std::string text = "A=0123456789\n";
  for (int i = 0; i < 40; ++i) text += "A=$A$A\n";
  EXPECT_FALSE(ParseEnvFile(text, ".env", {}));
}

}  // namespace
}  // namespace davit::cli::compose
