// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/scope.h"

#include <gmock/gmock.h>

#include "cli/build/dockerfile/stage_graph.h"
#include "cli/build/dockerfile/testing/reading.h"

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Carries the instructions of a file through their scopes. The values under test are labels.
class ScopeTest : public testing::Test {
 protected:
  // The labels of the last stage, each as "name=value". Stages are built FROM those before, or from nothing.
  std::vector<std::string> Labels(std::string_view text) {
    file_ = FileOf(text);
    global_ = std::make_unique<GlobalScope>(settings_, "last", file_.directives.escape());
    for (const Instruction& argument : file_.global_arguments)
      EXPECT_TRUE(global_->Declare(std::get<Arg>(argument.meaning)));
    std::vector<Problem> problems;
    const std::vector<StageNeeds> needs = FindNeeds(file_, *global_, problems);
    EXPECT_TRUE(problems.empty()) << problems[0].ToString();
    std::vector<StageScope> scopes;
    for (const StageNeeds& stage : needs) {
      const bool on_stage = stage.base.kind == Source::Kind::kStage;
      scopes.push_back(on_stage ? scopes[stage.base.stage].Inherit({}).value() : StageScope(*global_));
      if (!on_stage) {
        EXPECT_TRUE(scopes.back().SetFromImage("PATH", "/bin"));
      }
      labels_.clear();
      for (const Instruction* instruction : stage.instructions) Apply(scopes.back(), *instruction);
    }
    last_ = std::make_unique<StageScope>(scopes.back());
    return labels_;
  }

  void Apply(StageScope& scope, const Instruction& instruction) {
    Parsed<Instruction> expanded = scope.Apply(instruction);
    ASSERT_TRUE(expanded) << expanded.error().ToString();
    if (const Label* label = std::get_if<Label>(&expanded->meaning)) {
      for (const Assignment& one : label->labels) labels_.push_back(one.name.text + "=" + one.value.text);
    }
    last_instruction_ = *expanded;
  }

  BuildSettings settings_;
  Dockerfile file_;
  std::unique_ptr<GlobalScope> global_;
  std::unique_ptr<StageScope> last_;
  std::vector<std::string> labels_;
  Instruction last_instruction_;
};

TEST_F(ScopeTest, AnInstructionSeesWhatWasSetBeforeIt) {
  EXPECT_THAT(Labels("FROM x\nENV a=1\nENV a=2 b=$a\nLABEL $a=$b"), ElementsAre("2=1"));
  EXPECT_THAT(Labels("FROM x\nLABEL a=$a\nENV a=1"), ElementsAre("a="));
  EXPECT_THAT(Labels("FROM x\nENV PATH=/opt:$PATH\nLABEL a=$PATH"), ElementsAre("a=/opt:/bin"));
}

TEST_F(ScopeTest, GlobalArgumentsAreForFromAndForStagesThatDeclareThem) {
  EXPECT_THAT(Labels("ARG a=1\nARG b=$a$a\nFROM x$b\nLABEL a=$a\nARG a\nLABEL a=$a\nARG a=3\nLABEL a=$a"),
              ElementsAre("a=", "a=1", "a=3"));
  std::vector<Problem> problems;
  EXPECT_EQ(FindNeeds(file_, *global_, problems)[0].base.name, "x11");
}

TEST_F(ScopeTest, BuildArgumentsReplaceDeclaredOnes) {
  settings_.arguments = {{"a", "given"}, {"undeclared", "x"}};
  EXPECT_THAT(Labels("ARG a=1\nFROM x\nARG a=2\nLABEL a=$a u=$undeclared"), ElementsAre("a=given", "u="));
  EXPECT_THAT(Labels("ARG a\nFROM $a\nARG a\nLABEL a=$a"), ElementsAre("a=given"));
  EXPECT_THAT(last_->arguments().All(), ElementsAre(Pair("a", "given")));
}

TEST_F(ScopeTest, ArgAndEnvAreOneSpaceAndTheLastCounts) {
  EXPECT_THAT(Labels("FROM x\nARG a=1\nENV a=2\nLABEL a=$a\nARG a=3\nLABEL a=$a"), ElementsAre("a=2", "a=3"));
}

TEST_F(ScopeTest, StagesInheritTheEndOfTheirBase) {
  EXPECT_THAT(
      Labels("FROM x AS base\nARG a=1\nENV b=2\nFROM base AS next\nENV b=3\nFROM base\nLABEL a=$a b=$b"),
      ElementsAre("a=1", "b=2"));
  EXPECT_THAT(Labels("FROM x AS base\nENV b=2\nFROM y\nLABEL b=$b"), ElementsAre("b="));
}

TEST_F(ScopeTest, TriggersRunFirstInTheStageBuiltOnTheirs) {
  EXPECT_THAT(Labels("FROM x AS base\nONBUILD LABEL a=$a\nONBUILD ENV a=2\nENV a=1\nFROM base\nLABEL b=$a"),
              ElementsAre("a=1", "b=2"));
  EXPECT_THAT(Labels("FROM x AS base\nONBUILD LABEL a=1\nFROM base AS next\nFROM next\nLABEL b=2"),
              ElementsAre("b=2"));
}

TEST_F(ScopeTest, PlatformsAreArguments) {
  settings_.target_platform = {"linux", "arm", "v7"};
  EXPECT_THAT(Labels("FROM --platform=$BUILDPLATFORM x$TARGETARCH\nARG TARGETPLATFORM TARGETVARIANT "
                     "BUILDARCH TARGETSTAGE\n"
                     "LABEL a=$TARGETPLATFORM b=$TARGETVARIANT c=$BUILDARCH d=$TARGETOS e=$TARGETSTAGE"),
              ElementsAre("a=linux/arm/v7", "b=v7", "c=amd64", "d=", "e=last"));
  std::vector<Problem> problems;
  const StageNeeds needs = FindNeeds(file_, *global_, problems)[0];
  EXPECT_EQ(needs.platform, "linux/amd64");
  EXPECT_EQ(needs.base.name, "xarm");
}

TEST_F(ScopeTest, WordsAreExpandedWhereDockerDoes) {
  Labels("FROM x\nENV a=1 b='2 3'\nCOPY --chown=$a --chmod=0$a --exclude=$a $a <<F /$a/\n\"$a\" \\$a\nF");
  const Copy& copy = std::get<Copy>(last_instruction_.meaning);
  EXPECT_EQ(copy.owner.text, "1");
  EXPECT_EQ(copy.mode.text, "01");
  EXPECT_EQ(copy.exclude[0].text, "$a");
  EXPECT_EQ(copy.sources[0].text, "1");
  EXPECT_EQ(copy.destination.text, "/1/");
  EXPECT_EQ(copy.files[0].content.text, "\"1\" $a\n");
  Labels("FROM x\nENV b='2 3'\nEXPOSE 1 $b");
  EXPECT_THAT(TextsOf(std::get<Expose>(last_instruction_.meaning).ports), ElementsAre("1", "2", "3"));
  Labels("FROM x\nENV b='2 3'\nUSER \"$b\"");
  EXPECT_EQ(std::get<User>(last_instruction_.meaning).user.text, "2 3");
  Labels("FROM x\nENV a=1\nRUN --mount=target=/$a echo $a");
  const auto& run = std::get<dockerfile::Run>(last_instruction_.meaning);
  EXPECT_EQ(run.command.words[0].text, "echo $a") << "the shell expands";
  EXPECT_EQ(last_->Mounts(run).value()[0].target, "/1");
}

TEST_F(ScopeTest, TheEscapeCharacterIsThatOfTheFile) {
  EXPECT_THAT(Labels("# escape=`\nFROM x\nENV a=1\nLABEL p=C:\\$a q=`$a"), ElementsAre("p=C:\\1", "q=$a"));
}

TEST_F(ScopeTest, VariablesHaveALimitTogether) {
  Dockerfile file = FileOf("FROM x\nENV a=$a$a$a$a");
  GlobalScope global(settings_, "", '\\');
  StageScope scope(global);
  ASSERT_TRUE(scope.SetFromImage("a", "0123456789"));
  Parsed<Instruction> applied;
  for (int i = 0; i < 100 && applied; ++i) applied = scope.Apply(file.stages[0].instructions[0]);
  ASSERT_FALSE(applied);
  EXPECT_LE(scope.variables().bytes(), kMaxVariableBytes);
}

TEST(PredefinedArguments, AreProxiesInOneCase) {
  EXPECT_TRUE(IsPredefinedArgument("HTTPS_PROXY"));
  EXPECT_TRUE(IsPredefinedArgument("no_proxy"));
  EXPECT_FALSE(IsPredefinedArgument("Http_Proxy"));
  EXPECT_FALSE(IsPredefinedArgument("PROXY"));
}

}  // namespace
}  // namespace davit::cli::dockerfile
