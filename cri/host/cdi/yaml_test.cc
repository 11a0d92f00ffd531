// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace davit::cri::cdi {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

TEST(Yaml, IsTheJsonOfTheSameContent) {
  Result<Json> json = ParseYaml(R"(
# a comment
cdiVersion: "0.6.0"
kind: vendor.com/net
devices:
- name: nic0
  containerEdits: {env: [A=1, 'B=two words'], deviceNodes: []}
empty:
)");
  ASSERT_TRUE(json) << json.error().ToString();
  EXPECT_EQ(*json, Json::parse(R"({"cdiVersion": "0.6.0", "kind": "vendor.com/net", "empty": null, "devices":
    [{"name": "nic0", "containerEdits": {"env": ["A=1", "B=two words"], "deviceNodes": []}}]})"));
}

TEST(Yaml, JsonIsYaml) {
  EXPECT_EQ(*ParseYaml(R"({"a": [1, true, null, "x"]})"), Json::parse(R"({"a": [1, true, null, "x"]})"));
}

TEST(Yaml, PlainScalarsHaveTypesAndQuotedOnesAreText) {
  EXPECT_EQ(*ParseYaml("[1, -2, 0x1f, 0o17, 0660, ~, True, false]"),
            Json::parse("[1, -2, 31, 15, 432, null, true, false]"));
  EXPECT_EQ(*ParseYaml("['1', \"true\", 1.5, 08, 1x, yes, 99999999999999999999]"),
            Json::parse(R"(["1", "true", "1.5", "08", "1x", "yes", "99999999999999999999"])"));
}

TEST(Yaml, NumbersKeepTheirSign) {
  EXPECT_TRUE(ParseYaml("7")->is_number_unsigned());
  EXPECT_FALSE(ParseYaml("-7")->is_number_unsigned());
  EXPECT_EQ(*ParseYaml("-9223372036854775807"), -9223372036854775807);
  EXPECT_EQ(*ParseYaml("-9223372036854775808"), "-9223372036854775808") << "does not fit";
}

TEST(Yaml, RefusesWhatDataDoesNotNeedAndNamesTheLine) {
  for (const char* text : {"a: &x 1\nb: *x", "\n- *x", "\n- !!str 1", "\n{a: 1, a: 2}", "\n? [1]\n: 2",
                           "\n--- a\n--- b", "\n- [", "\n\tx: y"}) {
    Result<Json> json = ParseYaml(text);
    ASSERT_FALSE(json) << text;
    EXPECT_EQ(json.error().code, Code::kInvalidArgument) << text;
    EXPECT_THAT(json.error().ToString(), HasSubstr("line ")) << text;
  }
  EXPECT_FALSE(ParseYaml(""));
  EXPECT_FALSE(ParseYaml(std::string(1000, '[')));
}

}  // namespace
}  // namespace davit::cri::cdi
