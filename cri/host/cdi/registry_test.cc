// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace davit::cri::cdi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A file with these devices, each of which sets NAME=VALUE, and one variable for all.
std::string File(const std::vector<std::string>& devices, const std::string& value) {
  std::string list;
  for (const std::string& name : devices)
    list += (list.empty() ? "" : ",") +
            (R"({"name": ")" + name + R"(", "containerEdits": {"env": [")" + name + "=" + value + R"("]}})");
  return R"({"cdiVersion": "0.6.0", "kind": "v.com/c", "containerEdits": {"env": ["ALL=)" + value +
         R"("]}, "devices": [)" + list + "]}";
}

class CdiRegistry : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-cdi-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    for (const char* sub : {"/static", "/dynamic"}) std::filesystem::create_directory(dir_ + sub);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name) << text;
  }

  // The variables that the devices set, in order.
  std::vector<std::string> Variables(const std::vector<std::string>& devices) const {
    Result<std::vector<Edits>> edits = Make().Resolve(devices);
    EXPECT_TRUE(edits) << edits.error().ToString();
    std::vector<std::string> variables;
    for (const Edits& one : edits.value_or(std::vector<Edits>()))
      variables.insert(variables.end(), one.env.begin(), one.env.end());
    return variables;
  }
  Registry Make() const { return Registry({dir_ + "/static", dir_ + "/dynamic", dir_ + "/nowhere"}); }

  std::string dir_;
};

TEST_F(CdiRegistry, WhatAFileSaysForAllItsDevicesComesOnce) {
  Write("static/v.json", File({"a", "b"}, "1"));
  EXPECT_THAT(Variables({"v.com/c=b", "v.com/c=a"}), ElementsAre("ALL=1", "b=1", "a=1"));
  EXPECT_THAT(Variables({}), IsEmpty());
}

TEST_F(CdiRegistry, TheLaterDirectoryCountsForTheDevicesThatItHas) {
  Write("static/v.json", File({"a", "b"}, "1"));
  Write("dynamic/w.json", File({"a"}, "2"));
  EXPECT_THAT(Variables({"v.com/c=a"}), ElementsAre("ALL=2", "a=2"));
  EXPECT_THAT(Variables({"v.com/c=b"}), ElementsAre("ALL=1", "b=1"));
}

TEST_F(CdiRegistry, TwoFilesOfOneDirectoryConflictAboutADeviceUnlessALaterOneHasIt) {
  Write("static/v.json", File({"a"}, "1"));
  Write("static/w.json", File({"a", "b"}, "2"));
  Result<std::vector<Edits>> edits = Make().Resolve({"v.com/c=a"});
  ASSERT_FALSE(edits);
  EXPECT_EQ(edits.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(edits.error().ToString(), AllOf(HasSubstr("v.json"), HasSubstr("w.json")));
  EXPECT_THAT(Variables({"v.com/c=b"}), ElementsAre("ALL=2", "b=2"));
  EXPECT_THAT(Make().Describe().errors, ElementsAre(HasSubstr("v.com/c=a")));
  Write("dynamic/x.json", File({"a"}, "3"));
  EXPECT_THAT(Variables({"v.com/c=a"}), ElementsAre("ALL=3", "a=3"));
}

TEST_F(CdiRegistry, AnUnknownDeviceIsNamedWithTheFilesThatCouldNotBeRead) {
  Write("static/good.yaml", File({"a"}, "1"));
  Write("static/broken.json", "{");
  Write("static/ignored.txt", "{");
  Result<std::vector<Edits>> edits = Make().Resolve({"v.com/c=a", "v.com/c=z"});
  ASSERT_FALSE(edits);
  EXPECT_EQ(edits.error().code, Code::kNotFound);
  EXPECT_THAT(edits.error().ToString(), AllOf(HasSubstr("v.com/c=z"), HasSubstr("broken.json")));
  Registry::Content content = Make().Describe();
  EXPECT_THAT(content.devices, ElementsAre("v.com/c=a"));
  EXPECT_THAT(content.errors, ElementsAre(HasSubstr("broken.json")));
}

TEST_F(CdiRegistry, ABadFileIsItsOwnAffair) {
  Write("static/a-good.json", File({"a"}, "1"));
  Write("static/b-hook.json", R"({"cdiVersion": "0.6.0", "kind": "v.com/c", "devices": [
    {"name": "b", "containerEdits": {"hooks": [{"hookName": 5, "path": "/h"}]}}]})");
  Write("static/c-hook.yaml", R"(
cdiVersion: 0.6.0
kind: v.com/c
devices: [{name: c, containerEdits: {hooks: [{hookName: 5, path: /h}]}}]
)");
  Write("static/d-deep.json", std::string(1'000'000, '['));
  Write("static/e-deep.yaml", std::string(1'000'000, '['));
  Write("static/f-bytes.yaml", "\xff\xfe\xfd");
  std::filesystem::create_directory(dir_ + "/static/g-directory.json");
  ASSERT_EQ(mkfifo((dir_ + "/static/h-fifo.json").c_str(), 0600), 0);
  Write("static/z-good.yaml", File({"z"}, "2"));
  EXPECT_THAT(Variables({"v.com/c=a", "v.com/c=z"}), ElementsAre("ALL=1", "a=1", "ALL=2", "z=2"));
  Registry::Content content = Make().Describe();
  EXPECT_THAT(content.devices, ElementsAre("v.com/c=a", "v.com/c=z"));
  EXPECT_THAT(content.errors,
              ElementsAre(AllOf(HasSubstr("b-hook.json"), HasSubstr("hooks[0].hookName: is not a string")),
                          AllOf(HasSubstr("c-hook.yaml"), HasSubstr("hooks[0].hookName: is not a string")),
                          HasSubstr("d-deep.json"), HasSubstr("e-deep.yaml"), HasSubstr("f-bytes.yaml"),
                          HasSubstr("g-directory.json"), HasSubstr("h-fifo.json")));
}

TEST_F(CdiRegistry, ADeviceThatNeedsAHookIsRefusedWithItsFileAndTheHook) {
  Write("static/v.yaml", R"(
cdiVersion: 0.6.0
kind: v.com/c
devices: [{name: a, containerEdits: {hooks: [{hookName: createContainer, path: /usr/bin/hook}]}},
          {name: b, containerEdits: {env: [B=1]}}]
)");
  Result<std::vector<Edits>> edits = Make().Resolve({"v.com/c=a"});
  ASSERT_FALSE(edits);
  EXPECT_EQ(edits.error().code, Code::kUnimplemented);
  EXPECT_THAT(edits.error().ToString(),
              AllOf(HasSubstr("v.yaml"), HasSubstr("createContainer /usr/bin/hook")));
  EXPECT_THAT(Variables({"v.com/c=b"}), ElementsAre("B=1"));
}

}  // namespace
}  // namespace davit::cri::cdi
