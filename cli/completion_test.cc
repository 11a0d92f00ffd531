// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/completion.h"

#include <gmock/gmock.h>

#include "cli/command_line.h"
#include "cli/completion_scripts.h"
#include "cli/completion_verbs.h"
#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

CompleteOptions Ask(std::vector<const char*> words) {
  words.insert(words.begin(), {"davit", kCompleteWord});
  auto line = ParseCommandLine(static_cast<int>(words.size()), words.data());
  return std::get<CompleteOptions>(line.value().verb);
}

std::vector<std::string> Words(const std::vector<const char*>& words) {
  std::vector<std::string> found;
  for (const Candidate& candidate : Ask(words).completion.candidates) found.push_back(candidate.word);
  return found;
}

Things ThingsOf(const std::vector<const char*>& words) {
  return Ask(words).completion.things;
}

TEST(CompletionTest, KnowsTheVerbsAndTheirGroups) {
  EXPECT_THAT(Words({"st"}), ElementsAre("stats", "start", "stop"));
  EXPECT_THAT(Words({""}), AllOf(Contains("run"), Contains("image"), Not(Contains("__complete"))));
  EXPECT_THAT(Words({"network", "c"}), ElementsAre("create")) << "what is refused is not offered";
  EXPECT_THAT(Words({"container", "renam"}), ElementsAre("rename"));
  EXPECT_THAT(Words({"--output", "json", "rena"}), ElementsAre("rename"));
  EXPECT_THAT(Ask({"sto"}).completion.candidates.front().help, HasSubstr("Stop containers"));
}

TEST(CompletionTest, KnowsTheFlagsOfAVerb) {
  EXPECT_THAT(Words({"run", "--publish"}), ElementsAre("--publish", "--publish-all"));
  EXPECT_THAT(Words({"run", "--ini"}), IsEmpty()) << "it is refused";
  EXPECT_THAT(Words({"logs", "-"}), AllOf(Contains("-f"), Contains("--follow")));
  EXPECT_THAT(Words({"ps", "-a", "--no-t"}), ElementsAre("--no-trunc"));
}

TEST(CompletionTest, KnowsTheValuesOfFlags) {
  EXPECT_THAT(Words({"run", "--pull", ""}), ElementsAre("always", "missing", "never"));
  EXPECT_THAT(Words({"run", "--pull=m"}), ElementsAre("--pull=missing"));
  EXPECT_THAT(Words({"--output", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(Words({"completion", "z"}), ElementsAre("zsh"));
  EXPECT_THAT(Words({"run", "--network", "h"}), ElementsAre("host"));
  EXPECT_EQ(ThingsOf({"run", "--network", "x"}), Things::kNetworks);
  EXPECT_EQ(ThingsOf({"run", "--volumes-from", ""}), Things::kContainers);
  EXPECT_TRUE(Ask({"run", "--env-file", ""}).completion.files);
  EXPECT_EQ(ThingsOf({"run", "-e", ""}), Things::kNone);
}

TEST(CompletionTest, KnowsWhatTheWordsOfAVerbAre) {
  EXPECT_EQ(ThingsOf({"stop", ""}), Things::kRunningContainers);
  EXPECT_EQ(ThingsOf({"rm", "a", ""}), Things::kContainers) << "several";
  EXPECT_EQ(ThingsOf({"logs", "a", ""}), Things::kNone) << "only one";
  EXPECT_EQ(ThingsOf({"run", "-it", "--rm", ""}), Things::kImages);
  EXPECT_EQ(ThingsOf({"run", "-p", "80:80", "-eA=b", ""}), Things::kImages);
  EXPECT_EQ(ThingsOf({"exec", "-it", ""}), Things::kRunningContainers);
  EXPECT_EQ(ThingsOf({"rmi", ""}), Things::kImages);
  EXPECT_EQ(ThingsOf({"image", "rm", ""}), Things::kImages);
  EXPECT_EQ(ThingsOf({"volume", "rm", ""}), Things::kVolumes);
  EXPECT_EQ(ThingsOf({"network", "rm", ""}), Things::kNetworks);
  EXPECT_EQ(ThingsOf({"inspect", ""}), Things::kContainers);
  EXPECT_TRUE(Ask({"exec", "web", "-"}).completion.files) << "another program's options";
  EXPECT_TRUE(Ask({"cp", ""}).completion.files);
}

class CompletionVerbs : public VerbFixture {
 protected:
  std::string Ask(const std::vector<const char*>& words) {
    CapturedConsole console;
    EXPECT_TRUE(PrintCandidates(console.console(), "unix://" + socket_, cli::Ask(words)));
    return console.Out();
  }
};

TEST_F(CompletionVerbs, AsksTheDaemonForNames) {
  EXPECT_EQ(Do(RunOptions{.image = "busybox", .name = "web", .detach = true}).value(), 0);
  EXPECT_EQ(Do(CreateOptions{{.image = "busybox", .name = "wait"}}).value(), 0);
  cri_.volumes().Add("data");
  EXPECT_EQ(Do(NetworkCreateOptions{.name = "back"}).value(), 0);
  EXPECT_EQ(Ask({"rm", "w"}), "wait\nweb\n:words\n");
  EXPECT_EQ(Ask({"stop", ""}), "web\n:words\n");
  EXPECT_EQ(Ask({"rmi", "bu"}), "busybox:latest\n:words\n");
  EXPECT_EQ(Ask({"volume", "inspect", ""}), "data\n:words\n");
  EXPECT_EQ(Ask({"run", "--network=b"}), "--network=bridge\n--network=back\n:words\n");
  EXPECT_THAT(Ask({"cp", "w"}), HasSubstr(":files\n"));
}

TEST_F(CompletionVerbs, WithoutADaemonThereIsTheGrammar) {
  cri_.Shutdown();
  EXPECT_EQ(Ask({"rm", ""}), ":words\n");
  EXPECT_EQ(Ask({"renam"}), "rename\tGive a container another name\n:words\n");
}

TEST(CompletionScriptTest, EachShellHasItsOwn) {
  EXPECT_THAT(CompletionScript("bash"), HasSubstr("complete -F _davit davit"));
  EXPECT_THAT(CompletionScript("zsh"), HasSubstr("#compdef davit"));
  EXPECT_THAT(CompletionScript("fish"), HasSubstr("complete -c davit"));
}

}  // namespace
}  // namespace davit::cli
