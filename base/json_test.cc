// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json_line.h"
#include "base/json_object.h"

namespace davit {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// One value of each type; none of the accessors may throw for any of them.
const json kOfEachType[] = {nullptr,
                            true,
                            -1,
                            uint64_t{1} << 63,
                            1.5,
                            "text",
                            json::array({1, "a"}),
                            {{"a", 1}, {"b", "text"}, {"n", nullptr}}};

TEST(Json, NothingThrowsWhateverTheTypeIs) {
  for (const json& value : kOfEachType) {
    EXPECT_NO_THROW({
      (void)JsonMember(value, "a");
      (void)JsonText(value);
      (void)JsonBool(value);
      (void)JsonInteger(value);
      (void)JsonUnsigned(value);
      (void)JsonTextMember(value, "a");
      (void)PrintJson(value);
      json copy = value;
      SetJsonMember(JsonObjectMember(copy, "a"), "b", 1);
      copy = value;
      EraseJsonMember(copy, "a");
    }) << value;
  }
}

TEST(Json, MembersAreThoseOfObjectsButNotNull) {
  const json& object = kOfEachType[7];
  EXPECT_EQ(*JsonMember(object, "a"), 1);
  EXPECT_EQ(JsonMember(object, "n"), nullptr);
  EXPECT_EQ(JsonMember(object, "z"), nullptr);
  EXPECT_EQ(JsonMember(json("a"), "a"), nullptr);
  EXPECT_EQ(JsonTextMember(object, "b"), "text");
  EXPECT_EQ(JsonTextMember(object, "a"), "");
}

TEST(Json, TheNumberOfValuesIsLimited) {
  auto list = [](size_t values) {
    std::string text = "[0";
    for (size_t i = 1; i < values; ++i) text += ",0";
    return text + "]";
  };
  constexpr size_t kMost = 262'144;
  EXPECT_TRUE(ParseJson(list(kMost - 2), "list"));
  auto refused = ParseJson(list(kMost + 1), "list");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("too many values"));
  EXPECT_TRUE(ParseJson("\"" + std::string(kMost * 2, ',') + "\"", "text"));
}

TEST(Json, NumbersHaveToFit) {
  EXPECT_EQ(JsonInteger(-1), -1);
  EXPECT_EQ(JsonInteger(uint64_t{7}), 7);
  EXPECT_EQ(JsonInteger(uint64_t{1} << 63), std::nullopt);
  EXPECT_EQ(JsonInteger(1.0), std::nullopt);
  EXPECT_EQ(JsonInteger("1"), std::nullopt);
  EXPECT_EQ(JsonUnsigned(~uint64_t{0}), ~uint64_t{0});
  EXPECT_EQ(JsonUnsigned(7), 7u);
  EXPECT_EQ(JsonUnsigned(-1), std::nullopt);
  EXPECT_EQ(JsonUnsigned(true), std::nullopt);
  EXPECT_EQ(JsonBool(true), true);
  EXPECT_EQ(JsonBool(1), std::nullopt);
}

TEST(Json, WritingReplacesWhatIsNoObject) {
  json value = {{"runtimeConfig", "text"}};
  SetJsonMember(JsonObjectMember(value, "runtimeConfig"), "ports", 1);
  EXPECT_EQ(value, json::parse(R"({"runtimeConfig": {"ports": 1}})"));
  json list = json::array();
  SetJsonMember(list, "a", 1);
  EXPECT_EQ(list, json::parse(R"({"a": 1})"));
}

TEST(Json, ParsingRefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "\xff", "1 2", "{\"a\":1"}) {
    Result<json> value = ParseJson(text, "file.json");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, Code::kInvalidArgument);
    EXPECT_THAT(value.error().ToString(), HasSubstr("file.json"));
    EXPECT_EQ(JsonOrNull(text), json());
  }
}

TEST(Json, ParsingReplacesWhatIsNotUtf8) {
  auto text = [](std::string_view document) {
    auto parsed = ParseJson("\"" + std::string(document) + "\"", "test");
    const std::string* value = parsed ? JsonText(*parsed) : nullptr;
    return value ? *value : "refused";
  };
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(text("Andr\xe9 \xe9t\xe9"), "Andr" + bad + " " + bad + "t" + bad) << "Latin-1";
  EXPECT_EQ(text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2 \xff"),
            "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2 " + bad);
  EXPECT_EQ(text("\xc0\x80"), bad + bad) << "overlong";
  EXPECT_EQ(text("\xed\xa0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(text("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "beyond U+10FFFF";
  EXPECT_EQ(text("cut \xe2\x82"), "cut " + bad + bad);
  EXPECT_EQ(text(R"(\ud83d\udea2 \ud83d \udea2\"\\)"), "\xf0\x9f\x9a\xa2 " + bad + " " + bad + "\"\\");
  EXPECT_FALSE(ParseJson("{\"a\":\xe9}", "test")) << "not in a string";
  EXPECT_EQ(text("\\"), "refused");
  EXPECT_EQ(text("\\u12"), "refused");
}

// Copying and printing recurse: 5,000,000 levels would end the process.
TEST(Json, ParsingRefusesDeepNesting) {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ParseJson(nested(256), "x"));
  EXPECT_FALSE(ParseJson(nested(257), "x"));
  EXPECT_FALSE(ParseJson(nested(5'000'000), "x"));
  EXPECT_TRUE(ParseJson("\"" + std::string(1000, '[') + "\\\"[\"", "x")) << "brackets in a string";
  std::string flat = "[";
  for (int i = 0; i < 1000; ++i) flat += "[],{},";
  EXPECT_TRUE(ParseJson(flat + "1]", "x")) << "brackets one after the other";
}

TEST(Json, PrintingReplacesWhatIsNotUtf8) {
  EXPECT_EQ(PrintJson(json("a\xff")), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(PrintJson(json::parse(R"({"a":1})"), 1), "{\n \"a\": 1\n}");
}

TEST(JsonObjectTest, NullIsAnEmptyTextInListsAndMaps) {
  auto object = JsonObject::Parse(R"({"list":["a",null],"map":{"k":null}})", "test");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->Strings("list"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(object->StringMap("map"), (std::vector<std::pair<std::string, std::string>>{{"k", ""}}));
  EXPECT_TRUE(object->Check());
}

TEST(JsonObjectTest, NamesTheFirstFieldOfAWrongType) {
  JsonObject object =
      *JsonObject::Parse(R"({"a": 1, "list": [{"b": 18446744073709551615}], "n": null})", "x");
  EXPECT_TRUE(object.Has("a"));
  EXPECT_FALSE(object.Has("n"));
  EXPECT_EQ(object.Integer("a"), 1);
  EXPECT_TRUE(object.Check());
  EXPECT_EQ(object.Objects("list")[0].Integer("b"), 0);
  EXPECT_EQ(object.String("a"), "");
  ASSERT_FALSE(object.Check());
  EXPECT_THAT(object.Check().error().ToString(), HasSubstr("\"b\""));
}

TEST(Json, TheErrorSaysInWhichLineTheTextStopsBeingJson) {
  EXPECT_THAT(ParseJson("{\n \"a\": 1,\n}", "f").error().ToString(), HasSubstr("line 3"));
  EXPECT_THAT(ParseJson("{\n \"a\": x}", "f").error().ToString(), HasSubstr("line 2"));
  EXPECT_THAT(ParseJson("", "f").error().ToString(), HasSubstr("line 1"));
  EXPECT_THAT(ParseJson("\xff\n{", "f").error().ToString(), HasSubstr("line 1"));
}

TEST(Json, LinesOfValues) {
  constexpr char kText[] = R"({
  "a": "}\"]", "b": [
    1, {"c": [],
      "d": {
        "e": 5}},
    [[7
  ], 8]
  ]
})";
  auto line = [&](std::vector<JsonStep> path) { return JsonLine(kText, path); };
  EXPECT_EQ(line({}), 1u);
  EXPECT_EQ(line({"b"}), 2u);
  EXPECT_EQ(line({"b", size_t{1}}), 3u);
  EXPECT_EQ(line({"b", size_t{1}, "d"}), 4u);
  EXPECT_EQ(line({"b", size_t{1}, "d", "e"}), 5u);
  EXPECT_EQ(line({"b", size_t{2}, size_t{1}}), 7u);
  EXPECT_EQ(line({"b", size_t{1}, "x"}), 3u) << "the object that lacks it";
  EXPECT_EQ(line({"b", size_t{9}}), 2u) << "the array that lacks it";
  EXPECT_EQ(line({"z"}), 1u);
  EXPECT_EQ(line({"a", "b"}), 2u) << "a string has no members";
  EXPECT_EQ(JsonLine("[]", std::vector<JsonStep>{size_t{0}}), 1u);
}

}  // namespace
}  // namespace davit
