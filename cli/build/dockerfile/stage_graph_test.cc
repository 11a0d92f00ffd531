// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/stage_graph.h"

#include <gmock/gmock.h>

#include "cli/build/dockerfile/testing/reading.h"

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;

std::string ToText(const Source& source) {
  switch (source.kind) {
    case Source::Kind::kStage:
      return "stage " + std::to_string(source.stage);
    case Source::Kind::kImage:
      return "image " + source.name;
    case Source::Kind::kScratch:
      return "scratch";
    case Source::Kind::kContext:
      return "context " + source.name;
  }
  return "";
}

class StageGraphTest : public testing::Test {
 protected:
  void Read(std::string_view text) {
    file_ = FileOf(text);
    global_ = std::make_unique<GlobalScope>(settings_, "", '\\');
    for (const Instruction& argument : file_.global_arguments)
      EXPECT_TRUE(global_->Declare(std::get<Arg>(argument.meaning)));
    problems_.clear();
    needs_ = FindNeeds(file_, *global_, problems_);
  }
  std::string Problems(std::string_view text) {
    Read(text);
    std::string lines;
    for (const Problem& problem : problems_) lines += Located("f", "error", problem) + "\n";
    return lines;
  }
  std::vector<std::string> Sources(size_t stage) const {
    std::vector<std::string> texts = {ToText(needs_[stage].base)};
    for (const Source& source : needs_[stage].sources) texts.push_back(ToText(source));
    return texts;
  }

  BuildSettings settings_;
  Dockerfile file_;
  std::unique_ptr<GlobalScope> global_;
  std::vector<StageNeeds> needs_;
  std::vector<Problem> problems_;
};

TEST_F(StageGraphTest, NamesStagesImagesContextsAndNothing) {
  settings_.named_contexts = {"src"};
  Read(
      "FROM debian AS a\nFROM a AS b\nFROM scratch\nCOPY --from=A x y\nCOPY --from=1 x y\nCOPY "
      "--from=busybox:1 x y\n"
      "COPY --from=src x y\nCOPY x y\nRUN --mount=from=b,target=/b --mount=type=cache,target=/c true");
  EXPECT_TRUE(problems_.empty());
  EXPECT_THAT(Sources(0), ElementsAre("image debian"));
  EXPECT_THAT(Sources(1), ElementsAre("stage 0"));
  EXPECT_THAT(Sources(2),
              ElementsAre("scratch", "stage 0", "stage 1", "image busybox:1", "context src", "stage 1"));
}

TEST_F(StageGraphTest, ANameIsThatOfTheLastStageBefore) {
  Read("FROM alpine AS alpine\nFROM x AS a\nFROM y AS a\nFROM z\nCOPY --from=a b c\nFROM a AS a");
  EXPECT_THAT(Sources(0), ElementsAre("image alpine"));
  EXPECT_THAT(Sources(3), ElementsAre("image z", "stage 2"));
  EXPECT_THAT(Sources(4), ElementsAre("stage 2"));
}

TEST_F(StageGraphTest, TriggersNeedStagesToo) {
  Read("FROM x AS tools\nFROM y AS base\nONBUILD COPY --from=tools a b\nFROM base AS last");
  EXPECT_THAT(Sources(1), ElementsAre("image y"));
  EXPECT_THAT(Sources(2), ElementsAre("stage 1", "stage 0"));
  EXPECT_THAT(NeededStages(needs_, 2), ElementsAre(0, 1, 2));
}

TEST_F(StageGraphTest, OnlyWhatTheTargetNeedsIsBuilt) {
  Read("FROM a AS a\nFROM b AS b\nFROM a AS c\nCOPY --from=b x y\nFROM d AS d\nFROM c AS e");
  EXPECT_THAT(NeededStages(needs_, 4), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(NeededStages(needs_, 3), ElementsAre(3));
  EXPECT_EQ(FindTarget(file_, ""), 4u);
  EXPECT_EQ(FindTarget(file_, "C"), 2u);
  EXPECT_EQ(FindTarget(file_, "1"), 1u);
}

TEST_F(StageGraphTest, AnUnknownTargetIsRefused) {
  Read("FROM a AS build\nFROM b");
  EXPECT_EQ(FindTarget(file_, "biuld").error().ToString(),
            "target stage \"biuld\" could not be found (did you mean build?)");
  EXPECT_FALSE(FindTarget(file_, "2"));
}

TEST_F(StageGraphTest, RefusesWhatCannotBe) {
  EXPECT_EQ(Problems("FROM a\nCOPY --from=b x y\nFROM c AS b"),
            "f:2:6: error: stage \"b\" needs to be defined before the current stage\n");
  EXPECT_EQ(Problems("FROM a AS b\nCOPY --from=b x y"),
            "f:2:6: error: stage \"b\" needs to be defined before the current stage\n");
  EXPECT_EQ(Problems("FROM a\nCOPY --from=0 x y\nCOPY --from=7 x y"),
            "f:2:6: error: stage 0 needs to be defined before the current stage\n"
            "f:3:6: error: invalid stage index 7\n");
  EXPECT_EQ(Problems("FROM a\nCOPY --from=$x x y"),
            "f:2:6: error: variable expansion is not supported for --from: define a new stage with FROM, "
            "using ARG from "
            "global scope\n");
  EXPECT_EQ(Problems("ARG VERSION\nARG BASE=x\nFROM $BSE"),
            "f:3:6: error: base name ($BSE) should not be blank (did you mean BASE?)\n");
  EXPECT_EQ(Problems("FROM --platform=$x a"), "f:1:6: error: empty platform value from expression $x\n");
  EXPECT_EQ(Problems("FROM --platform=a//b a"),
            "f:1:6: error: platform \"a//b\": expected OS/ARCHITECTURE[/VARIANT]\n");
}

}  // namespace
}  // namespace davit::cli::dockerfile
