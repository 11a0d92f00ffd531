// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing/mutated_json.h"
#include "cni/plugin_result.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IpAddress Ip(const std::string& text) {
  return IpAddress::Parse(text).value();
}

constexpr char kChain[] = R"({"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "first", "bridge": "cni0"},
  {"type": "second", "capabilities": {"portMappings": true}}]})";

constexpr char kResult[] = R"({"cniVersion": "1.0.0",
  "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
  "ips": [{"address": "fd00::5/64", "interface": 1}, {"address": "10.1.0.5/16", "interface": 1},
          {"address": "10.1.0.1/16", "interface": 0}]})";

TEST(PluginListTest, ReadsAChain) {
  PluginList list = *ParsePluginList("10-pods.conflist", kChain);
  EXPECT_EQ(list.name, "pods");
  ASSERT_EQ(list.plugins.size(), 2u);
  EXPECT_THAT(list.plugins[0].capabilities, IsEmpty());
  EXPECT_THAT(list.plugins[1].capabilities, ElementsAre("portMappings"));
  EXPECT_TRUE(list.IsAtLeast(1, 0));
  EXPECT_TRUE(list.IsAtLeast(0, 4));
  EXPECT_FALSE(list.IsAtLeast(1, 1));
}

TEST(PluginListTest, ReadsASinglePlugin) {
  PluginList list =
      *ParsePluginList("pods.conf", R"({"cniVersion": "0.3.1", "name": "pods", "type": "first"})");
  EXPECT_THAT(list.plugins, ElementsAre(::testing::Field(&PluginConfig::type, "first")));
  EXPECT_FALSE(list.IsAtLeast(0, 4));
}

TEST(PluginListTest, BadFilesAreErrorsThatNameThem) {
  for (const char* text :
       {"", "[]", "{", R"({"name": "x"})", R"({"cniVersion": "1.0.0", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": []})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": [{}]})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "../../bin/sh"}]})",
        R"({"cniVersion": "1.0.0", "name": "../x", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "1.0.0", "name": ".x", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "1.0.0", "name": "a b", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "0.2.0", "name": "x", "plugins": [{"type": "a"}]})"}) {
    Result<PluginList> list = ParsePluginList("bad.conflist", text);
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().code, Code::kInvalidArgument);
    EXPECT_THAT(list.error().ToString(), HasSubstr("bad.conflist"));
  }
}

TEST(PluginListTest, ErrorsNameFileLineAndKey) {
  auto error = [](const std::string& text) {
    return ParsePluginList("bad.conflist", text).error().ToString();
  };
  EXPECT_THAT(error("{\n\"cniVersion\": \"1.0.0\",\n\"name\": \"x\",\n\"plugins\": [{\"type\": "
                    "\"a\"},\n{\"type\": 7}]}"),
              HasSubstr("bad.conflist:5: plugins[1].type: "));
  EXPECT_THAT(error("{\n\"cniVersion\": \"0.1.0\", \"name\": \"x\"}"),
              HasSubstr("bad.conflist:2: cniVersion: "));
  EXPECT_THAT(error("{\n\n\"name\": }"), HasSubstr("line 3"));
}

TEST(PluginListTest, InputHasNetworkArgumentsAndThePreviousResult) {
  PluginList list = *ParsePluginList("10-pods.conflist", kChain);
  CapabilityArguments arguments = {{"portMappings", R"([{"hostPort": 53}])"},
                                   {"mac", R"("02:00:00:00:00:01")"}};
  EXPECT_EQ(Json::parse(PluginInput(list.plugins[0], arguments, "")),
            Json::parse(R"({"cniVersion": "1.0.0", "name": "pods", "type": "first", "bridge": "cni0"})"));
  EXPECT_EQ(
      Json::parse(PluginInput(list.plugins[1], arguments, R"({"ips": []})")),
      Json::parse(R"({"cniVersion": "1.0.0", "name": "pods", "type": "second", "prevResult": {"ips": []},
              "runtimeConfig": {"portMappings": [{"hostPort": 53}]}})"))
      << "and what it has not declared is not for it";
}

TEST(PluginListTest, ACapabilityThatIsDeclaredFalseIsNotGiven) {
  PluginList list = *ParsePluginList("x.conf", R"({"cniVersion": "1.0.0", "name": "pods", "type": "a",
      "capabilities": {"mac": true, "ips": false, "dns": "yes"}})");
  EXPECT_THAT(list.plugins[0].capabilities, ElementsAre("mac"));
}

TEST(PluginListTest, ChecksAndCollectionsCanBeSwitchedOff) {
  auto parse = [](const std::string& member) {
    return *ParsePluginList("x.conf",
                            R"({"cniVersion": "1.1.0", "name": "pods", "type": "a", )" + member + "}");
  };
  EXPECT_FALSE(parse(R"("x": 1)").disable_check);
  EXPECT_TRUE(parse(R"("disableCheck": true)").disable_check);
  EXPECT_TRUE(parse(R"("disableCheck": "true")").disable_check);
  EXPECT_FALSE(parse(R"("disableCheck": "false")").disable_check);
  EXPECT_FALSE(parse(R"("disableGC": false)").disable_gc);
  EXPECT_TRUE(parse(R"("disableGC": "True")").disable_gc);
}

TEST(PluginListTest, TheHighestVersionThatWeKnowIsChosen) {
  auto version = [](const std::string& versions) {
    return ParsePluginList(
               "x.conf",
               R"({"cniVersion": "0.4.0", "name": "pods", "type": "a", "cniVersions": )" + versions + "}")
        ->version;
  };
  EXPECT_EQ(version(R"(["0.3.1", "1.0.0"])"), "1.0.0");
  EXPECT_EQ(version(R"(["1.1.0", "2.0.0", "1.2.0"])"), "1.1.0");
  EXPECT_EQ(version("7"), "0.4.0");
}

TEST(PluginResultTest, AddressesAreThePodsOwnIpv4First) {
  EXPECT_THAT(*AddressesInResult(kResult), ElementsAre(Ip("10.1.0.5"), Ip("fd00::5")));
  EXPECT_THAT(*AddressesInResult(R"({"ips": [{"version": "4", "address": "10.1.0.5/16"}]})"),
              ElementsAre(Ip("10.1.0.5")));
  EXPECT_FALSE(AddressesInResult("oops"));
  EXPECT_FALSE(AddressesInResult(R"({"ips": [{"address": "nonsense"}]})"));
}

TEST(PluginResultTest, FailureIsWhatThePluginSays) {
  Error error =
      PluginFailure("first", "ADD", R"({"code": 11, "msg": "busy", "details": "no leases"})", "noise");
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.ToString(), "network plugin ADD first: busy: no leases");
  EXPECT_EQ(PluginFailure("first", "DEL", "", "panic\n").ToString(), "network plugin DEL first: panic");
}

std::string Nested(size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

// Copying and printing a value recurses into it: half a million levels overflow the stack.
TEST(PluginListTest, WhatNestsTooDeeplyIsNotJson) {
  std::string deep = R"({"ips": )" + Nested(500'000) + "}";
  EXPECT_FALSE(AddressesInResult(deep));
  PluginConfig plugin = ParsePluginList("pods.conflist", kChain)->plugins[0];
  EXPECT_EQ(Json::parse(PluginInput(plugin, {}, deep)), Json::parse(plugin.json));
  EXPECT_FALSE(ParsePluginList(
      "pods.conf", R"({"cniVersion": "1.0.0", "name": "pods", "type": "a", "x": )" + Nested(500'000) + "}"));
}

TEST(PluginListTest, AFieldOfAnotherTypeThrowsNothing) {
  for (const char* field :
       {R"("runtimeConfig": "x")", R"("runtimeConfig": [1])", R"("capabilities": 5)", R"("prevResult": 7)",
        R"("capabilities": {"portMappings": "yes"})", R"("disableGC": {})", R"("args": null)"}) {
    std::string text = R"({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "a",
        "capabilities": {"portMappings": true}, )";
    Result<PluginList> list = ParsePluginList("pods.conflist", text + field + "}]}");
    ASSERT_TRUE(list) << field;
    std::string input = PluginInput(list->plugins[0], {{"portMappings", "[]"}}, "[]");
    EXPECT_TRUE(Json::accept(input)) << field;
  }
  for (const char* type : {"5", "null", R"("a\u0000b")", "[]", R"("..")"}) {
    std::string text = std::string(R"({"cniVersion": "1.0.0", "name": "pods", "type": )") + type + "}";
    EXPECT_FALSE(ParsePluginList("pods.conf", text)) << type;
  }
}

TEST(PluginListTest, NothingThrowsWhateverTypeAValueHas) {
  Json config = Json::parse(kChain);
  config["plugins"][1]["runtimeConfig"] = {{"portMappings", Json::array()}};
  config["disableGC"] = true;
  config["cniVersions"] = {"1.0.0"};
  for (const std::string& text : WithEachValueOfEachType(config)) {
    EXPECT_NO_THROW({
      Result<PluginList> list = ParsePluginList("10-pods.conflist", text);
      for (const PluginConfig& plugin : list.value_or(PluginList{}).plugins) {
        PluginInput(plugin, {{"portMappings", "[]"}}, kResult);
        CollectInput(plugin, {"id1"}, "eth0");
      }
    }) << text;
  }
  for (const std::string& text : WithEachValueOfEachType(Json::parse(kResult))) {
    EXPECT_NO_THROW((void)AddressesInResult(text)) << text;
  }
  Json failure = {{"code", 11}, {"msg", "busy"}, {"details", "no leases"}};
  for (const std::string& text : WithEachValueOfEachType(failure)) {
    EXPECT_NO_THROW((void)PluginFailure("first", "ADD", text, "noise")) << text;
  }
}

TEST(PluginListTest, HasAPluginWithTheSameSettingsOnly) {
  PluginList list = *ParsePluginList("10-pods.conflist", kChain);
  auto with = [](const char* name, const char* plugins) {
    return *ParsePluginList("x.conflist", std::string(R"({"plugins": [)") + plugins + R"(], "name": ")" +
                                              name + R"(", "cniVersion": "1.0.0"})");
  };
  EXPECT_TRUE(list.Has(with("pods", R"({"bridge": "cni0", "type": "first"})").plugins[0]));
  EXPECT_FALSE(list.Has(with("pods", R"({"bridge": "cni1", "type": "first"})").plugins[0]));
  EXPECT_FALSE(list.Has(with("other", R"({"bridge": "cni0", "type": "first"})").plugins[0]));
  EXPECT_FALSE(list.Has(with("pods", R"({"bridge": "cni0", "type": "third"})").plugins[0]));
}

}  // namespace
}  // namespace davit::cni
