// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/yaml.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/compose/model/print.h"

namespace davit::cli::compose {
namespace {

using ::testing::HasSubstr;

// The JSON of a document, or what is wrong in it.
std::string Read(const std::string& text) {
  Problems problems;
  std::optional<Value> value = ParseYaml(text, "f.yaml", problems);
  EXPECT_NE(value.has_value(), !problems.empty());
  return value ? PrintJson(JsonOf(*value)) : problems.ToString();
}

TEST(Yaml, HasTheTypesOfTheCoreSchema) {
  EXPECT_EQ(Read("{a: 1, b: 1.5, c: true, d: yes, e: '1', f: ~, g: 0x1f, h: 1.2.3}"),
            R"({"a":1,"b":1.5,"c":true,"d":"yes","e":"1","f":null,"g":"0x1f","h":"1.2.3"})");
  EXPECT_EQ(Read(""), "{}");
  EXPECT_EQ(Read("# nothing\n"), "{}");
}

TEST(Yaml, ResolvesAnchorsAndMergeKeys) {
  EXPECT_EQ(Read("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n"), R"({"x":{"a":1,"b":2},"y":{"a":1,"b":3}})");
  EXPECT_EQ(Read("x: &x {a: 1}\nz: &z {a: 2, b: 2}\ny: {<<: [*x, *z]}\n"),
            R"({"x":{"a":1},"y":{"a":1,"b":2},"z":{"a":2,"b":2}})");
}

TEST(Yaml, KnowsTheTagsOfCompose) {
  Problems problems;
  std::optional<Value> value = ParseYaml("a: !reset null\nb: !override [1]\nc: !!str 5\n", "f", problems);
  ASSERT_TRUE(value) << problems.ToString();
  EXPECT_EQ(value->Find("a")->tag, Tag::kReset);
  EXPECT_EQ(value->Find("b")->tag, Tag::kOverride);
  EXPECT_EQ(value->Find("c")->kind, Kind::kText);
}

TEST(Yaml, SaysInWhichLineItIsWrong) {
  EXPECT_THAT(Read("a: 1\nb: [\n"), HasSubstr("f.yaml:"));
  EXPECT_EQ(Read("a: 1\na: 2\n"), "f.yaml:2: the key a is there twice");
  EXPECT_EQ(Read("a: *b\n"), "f.yaml:1: *b: no anchor &b before it");
  EXPECT_EQ(Read("a: 1\n---\nb: 1\n"), "f.yaml:2: a Compose file is one document");
  EXPECT_THAT(Read("a: !env X\n"), HasSubstr("the tag !env is not known"));
  EXPECT_EQ(Read("a: 1\nb:\n  <<: 5\n"), "f.yaml:3: << takes maps: write <<: *ANCHOR");
}

TEST(Yaml, AliasesCannotMakeItLarge) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    std::string name = "a" + std::to_string(i);
    bomb += name + ": &" + name + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_THAT(Read(bomb), HasSubstr("has more than 50000 values"));
  EXPECT_THAT(Read("a: &a [*a]\n"), HasSubstr("no anchor"));
}

TEST(Yaml, DepthAndWidthAreBounded) {
  EXPECT_THAT(Read(std::string(100, '[') + std::string(100, ']')), HasSubstr("nests more than 64 levels"));
  std::string wide;
  for (int i = 0; i < 3'000; ++i) wide += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(Read(wide), HasSubstr("at most 2000 keys"));
}

}  // namespace
}  // namespace davit::cli::compose
