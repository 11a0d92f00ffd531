// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::expected<CommandLine, EarlyExit> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "davit");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

template <typename Options>
Options ParseAs(const std::vector<const char*>& words) {
  return std::get<Options>(Parse(words).value().verb);
}

TEST(CommandLineTest, LeavesEverythingAfterTheImageAlone) {
  auto run = ParseAs<RunOptions>({"run", "--rm", "-p", "80:80", "-p", "81:81", "-e", "A=b", "--name", "web",
                                  "busybox", "sh", "-c", "ps -a", "--", "-d", "--rm", "logs"});
  EXPECT_EQ(run.image, "busybox");
  EXPECT_EQ(run.name, "web");
  EXPECT_TRUE(run.remove);
  EXPECT_FALSE(run.detach);
  EXPECT_THAT(run.ports, ElementsAre("80:80", "81:81"));
  EXPECT_THAT(run.env, ElementsAre("A=b"));
  EXPECT_THAT(run.command, ElementsAre("sh", "-c", "ps -a", "--", "-d", "--rm", "logs"));
}

TEST(CommandLineTest, TakesAnImageThatIsCalledLikeAVerb) {
  EXPECT_EQ(ParseAs<RunOptions>({"run", "ps"}).image, "ps");
  EXPECT_EQ(ParseAs<LogsOptions>({"logs", "-f", "images"}).id, "images");
}

TEST(CommandLineTest, LeavesTheCommandOfExecAlone) {
  auto exec = ParseAs<ExecOptions>({"exec", "web", "ps", "-a"});
  EXPECT_EQ(exec.id, "web");
  EXPECT_THAT(exec.command, ElementsAre("ps", "-a"));
  EXPECT_THAT(ParseAs<ExecOptions>({"exec", "web", "--", "ls"}).command, ElementsAre("--", "ls"));
}

TEST(CommandLineTest, TakesCommonOptionsBeforeAndAfterTheVerb) {
  EXPECT_EQ(Parse({"--output", "json", "ps"})->format, OutputFormat::kJson);
  EXPECT_EQ(Parse({"ps", "--output", "json"})->format, OutputFormat::kJson);
  EXPECT_EQ(Parse({"ps"})->format, OutputFormat::kTable);
  EXPECT_EQ(Parse({"--address", "unix:///a", "ps"})->address, "unix:///a");
  EXPECT_EQ(Parse({"ps", "--address=unix:///a"})->address, "unix:///a");
}

TEST(CommandLineTest, TakesDefaultsFromTheEnvironment) {
  setenv("DAVIT_ADDRESS", "unix:///env", 1);
  setenv("DAVIT_LOG_DIR", "/env", 1);
  auto line = Parse({"run", "busybox"});
  auto explicit_line = Parse({"ps", "--address", "unix:///a"});
  unsetenv("DAVIT_ADDRESS");
  unsetenv("DAVIT_LOG_DIR");
  EXPECT_EQ(line->address, "unix:///env");
  EXPECT_EQ(std::get<RunOptions>(line->verb).log_root, "/env");
  EXPECT_EQ(explicit_line->address, "unix:///a");
}

TEST(CommandLineTest, StopTakesSeveralIdsAndATime) {
  auto stop = ParseAs<StopOptions>({"stop", "-t", "3", "a", "b"});
  EXPECT_EQ(stop.grace_seconds, 3);
  EXPECT_THAT(stop.ids, ElementsAre("a", "b"));
  EXPECT_EQ(ParseAs<StopOptions>({"stop", "a"}).grace_seconds, 10);
}

TEST(CommandLineTest, TakesVerbsOfGroups) {
  EXPECT_THAT(ParseAs<ImageInspectOptions>({"image", "inspect", "a", "b"}).images, ElementsAre("a", "b"));
  auto prune = ParseAs<ImagePruneOptions>({"image", "prune", "-a", "--dry-run"});
  EXPECT_TRUE(prune.all && prune.dry_run);
  EXPECT_FALSE(prune.force);
  EXPECT_TRUE(ParseAs<SystemDfOptions>({"system", "df", "-v"}).verbose);
  EXPECT_EQ(Parse({"image", "history", "a", "--output", "json"})->format, OutputFormat::kJson);
}

TEST(CommandLineTest, TakesImagesAndRegistries) {
  EXPECT_TRUE(ParseAs<PullOptions>({"pull", "-q", "busybox"}).quiet);
  EXPECT_TRUE(ParseAs<ImagesOptions>({"images", "--tree"}).tree);
  EXPECT_EQ(ParseAs<TagOptions>({"tag", "a", "b:1"}).tag, "b:1");
  EXPECT_THAT(ParseAs<UntagOptions>({"untag", "a", "b"}).tags, ElementsAre("a", "b"));
  auto login = ParseAs<LoginOptions>({"login", "-u", "user", "-p", "secret", "registry.test"});
  EXPECT_EQ(login.server, "registry.test");
  EXPECT_EQ(login.password, "secret");
  EXPECT_EQ(ParseAs<LoginOptions>({"login", "--password-stdin"}).password, std::nullopt);
  EXPECT_EQ(ParseAs<LogoutOptions>({"logout"}).server, "");
}

TEST(CommandLineTest, ABuildIsOnlyChecked) {
  auto build = ParseAs<BuildOptions>({"build", "--check", "-f", "x/Dockerfile", "--target", "t",
                                      "--build-arg", "a=1", "--build-arg", "b", "dir"});
  EXPECT_EQ(build.file, "x/Dockerfile");
  EXPECT_EQ(build.target, "t");
  EXPECT_THAT(build.arguments, ElementsAre("a=1", "b"));
  EXPECT_EQ(build.context, "dir");
  EXPECT_THAT(Parse({"build", "dir"}).error().text, HasSubstr("--check is required"));
}

TEST(CommandLineTest, BadUsageIsAnErrorOfOurOwnThatNamesTheWord) {
  struct Case {
    std::vector<const char*> words;
    const char* named;
  };
  for (const Case& c :
       {Case{{"frob"}, "frob"}, Case{{"ps", "extra"}, "extra"}, Case{{"run", "--bogus", "x"}, "--bogus"},
        Case{{"run"}, "IMAGE"}, Case{{"exec", "web"}, "COMMAND"}, Case{{"logs"}, "ID"},
        Case{{"--output", "yaml", "ps"}, "yaml"}, Case{{"stop", "-t", "-1", "x"}, "-1"},
        Case{{"image", "frob"}, "frob"}, Case{{"image"}, "inspect"}, Case{{"tag", "a"}, "TARGET_IMAGE"},
        Case{{}, "images"}}) {
    auto line = Parse(c.words);
    ASSERT_FALSE(line) << c.named;
    EXPECT_EQ(line.error().status, kOwnError);
    EXPECT_THAT(line.error().text, HasSubstr(c.named));
  }
}

TEST(CommandLineTest, HelpIsNoError) {
  for (const std::vector<const char*>& words : {std::vector{"--help"}, std::vector{"run", "--help"}}) {
    auto line = Parse(words);
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().status, 0);
    EXPECT_THAT(line.error().text, HasSubstr("Usage"));
  }
}

}  // namespace
}  // namespace davit::cli
