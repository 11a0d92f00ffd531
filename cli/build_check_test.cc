// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/testing/test_support.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using ::testing::HasSubstr;

// A context in a scratch directory.
class BuildCheckTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(context_ + "/" + name).parent_path());
    std::ofstream(context_ + "/" + name) << text;
  }
  int Check(const BuildOptions& options) {
    Result<int> status = CheckBuild(console_.console(), options);
    EXPECT_TRUE(status) << status.error().ToString();
    return status.value_or(-1);
  }
  std::string ErrorOf(const BuildOptions& options) {
    Result<int> status = CheckBuild(console_.console(), options);
    return status ? "" : status.error().ToString();
  }

  TempDir dir_;
  std::string context_ = dir_.path() + "/context";
  CapturedConsole console_;
};

TEST_F(BuildCheckTest, IsSilentAboutWhatIsRight) {
  Write("Dockerfile", "FROM scratch\nCOPY a /\n");
  EXPECT_EQ(Check({.context = context_}), 0);
  EXPECT_EQ(console_.Out(), "");
}

TEST_F(BuildCheckTest, NamesFileLineAndColumn) {
  Write("Dockerfile", "FROM scratch\n  RUNN a\nMAINTAINER me\n");
  EXPECT_EQ(Check({.context = context_}), 1);
  EXPECT_THAT(
      console_.Out(),
      HasSubstr(context_ + "/Dockerfile:2:3: error: unknown instruction: RUNN (did you mean RUN?)\n"));
  EXPECT_THAT(console_.Out(), HasSubstr("Dockerfile:3:1: warning: MAINTAINER is deprecated"));
  EXPECT_THAT(console_.Out(), HasSubstr("[MaintainerDeprecated]\n"));
}

TEST_F(BuildCheckTest, WarningsAloneAreNoFailure) {
  Write("Dockerfile", "FROM scratch\nMAINTAINER me\n");
  EXPECT_EQ(Check({.context = context_}), 0);
}

TEST_F(BuildCheckTest, TakesAnotherFileAndStandardInput) {
  Write("Dockerfile", "FROM scratch\n");
  Write("other/My.dockerfile", "FROM\n");
  EXPECT_EQ(Check({.context = context_, .file = context_ + "/other/My.dockerfile"}), 1);
  EXPECT_THAT(console_.Out(), HasSubstr("My.dockerfile:1:1: error: FROM requires"));
  console_.SetInput("NONE\n");
  EXPECT_EQ(Check({.context = context_, .file = "-"}), 1);
  EXPECT_THAT(console_.Out(), HasSubstr("Dockerfile:1:1: error: unknown instruction: NONE"));
}

TEST_F(BuildCheckTest, TakesTargetsAndArguments) {
  Write("Dockerfile", "ARG base\nFROM $base AS a\nARG v\nENV w=${v?}\nFROM scratch AS b\n");
  setenv("base", "scratch", 1);
  EXPECT_EQ(Check({.context = context_, .target = "a", .arguments = {"base", "v=1"}}), 0);
  EXPECT_EQ(Check({.context = context_, .target = "b", .arguments = {"base"}}), 0);
  EXPECT_EQ(Check({.context = context_, .target = "a", .arguments = {"base"}}), 1);
  unsetenv("base");
  EXPECT_EQ(Check({.context = context_, .target = "b"}), 1) << "no base image";
  EXPECT_EQ(Check({.context = context_, .target = "c", .arguments = {"base=x"}}), 1);
}

TEST_F(BuildCheckTest, ReadsTheIgnoreFileInForce) {
  Write("Dockerfile", "FROM scratch\n");
  Write(".dockerignore", "a\n[b\n");
  EXPECT_EQ(Check({.context = context_}), 1);
  EXPECT_THAT(console_.Out(), HasSubstr("/.dockerignore:2:1: error: pattern \"[b\""));
  Write("Dockerfile.dockerignore", "a\n");
  EXPECT_EQ(Check({.context = context_}), 0) << "that of the Dockerfile comes first";
}

TEST_F(BuildCheckTest, PrintsJson) {
  console_.SetFormat(OutputFormat::kJson);
  Write("Dockerfile", "FROM scratch AS a\nENV b c\n");
  EXPECT_EQ(Check({.context = context_}), 0);
  auto json = nlohmann::json::parse(console_.Out());
  EXPECT_EQ(json["stages"][0], "a");
  EXPECT_EQ(json["findings"][0]["kind"], "warning");
  EXPECT_EQ(json["findings"][0]["rule"], "LegacyKeyValueFormat");
  EXPECT_EQ(json["findings"][0]["line"], 2);
}

TEST_F(BuildCheckTest, RefusesOtherContexts) {
  Write("Dockerfile", "FROM scratch\n");
  EXPECT_THAT(ErrorOf({.context = "https://host/repository.git"}),
              HasSubstr("git repositories and URLs are not supported"));
  EXPECT_THAT(ErrorOf({.context = context_ + "/Dockerfile"}), HasSubstr("not a directory"));
  EXPECT_THAT(ErrorOf({.context = context_ + "/none"}), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf({.context = context_, .file = context_ + "/none"}), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf({.context = context_, .arguments = {"=x"}}), HasSubstr("expected NAME[=VALUE]"));
  EXPECT_THAT(ErrorOf({.context = context_, .named_contexts = {"x"}}), HasSubstr("expected NAME=SOURCE"));
}

}  // namespace
}  // namespace davit::cli
