// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/check.h"

#include <gmock/gmock.h>

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;

// Errors and warnings, as they are printed.
std::vector<std::string> Lines(std::string_view text, const BuildSettings& settings = {}) {
  std::vector<std::string> lines;
  const CheckReport report = Check(text, settings);
  for (const Problem& error : report.errors) lines.push_back(Located("f", "error", error));
  for (const Warning& warning : report.warnings)
    lines.push_back(std::string(warning.rule) + " " + Located("f", "warning", warning.problem));
  return lines;
}

TEST(Check, PassesAFileThatIsRight) {
  const CheckReport report = Check(
      "# syntax=docker/dockerfile:1\nARG V=1\nFROM golang:$V AS build\nARG V\nWORKDIR /src\n"
      "RUN --mount=type=cache,target=/root/.cache go build -o /app .\nFROM other AS unused\n"
      "FROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
      {});
  EXPECT_TRUE(report.Passes());
  EXPECT_TRUE(report.warnings.empty());
  EXPECT_THAT(report.stages, ElementsAre("build", "stage-2"));
}

TEST(Check, FindsErrorsInAllInstructions) {
  EXPECT_THAT(
      Lines("FROM a\nRUNN x\nCOPY a\nRUN --mount=typ=cache b\nCOPY --from=7 a b"),
      ElementsAre("f:2:1: error: unknown instruction: RUNN (did you mean RUN?)",
                  "f:3:1: error: COPY requires at least two arguments: expected COPY SOURCE... DESTINATION",
                  "f:5:6: error: invalid stage index 7"));
  EXPECT_THAT(Lines("FROM a\nRUN --mount=typ=cache,target=/b c\nENV x=${y:?no}\nENV z=${"),
              ElementsAre("f:2:5: error: unexpected key 'typ' in --mount (did you mean type?)",
                          "f:3:5: error: cannot expand \"${y:?no}\": y: no",
                          "f:4:5: error: cannot expand \"${\": syntax error: missing '}'"));
}

TEST(Check, ExpandsOnlyWhatTheTargetNeeds) {
  constexpr auto kText = "FROM a AS one\nENV x=${y?}\nFROM b AS two\nARG z=${w?}";
  EXPECT_THAT(Lines(kText, {.target = "two"}),
              ElementsAre("f:4:5: error: cannot expand \"${w?}\": w: is not allowed to be unset"));
  EXPECT_THAT(Lines(kText, {.arguments = {{"z", "1"}}}), ElementsAre());
  EXPECT_THAT(Lines(kText, {.target = "tow"}),
              ElementsAre("f: error: target stage \"tow\" could not be found (did you mean two?)"));
}

TEST(Check, Warns) {
  EXPECT_THAT(
      Lines("FROM a AS Build\nMAINTAINER me\nENV a b\nCMD x\nCMD y\nFROM b AS build\nRUN x \\\n\n  y\n"),
      ElementsAre("StageNameCasing f:1:11: warning: the name of a stage should be in lower case",
                  "MaintainerDeprecated f:2:1: warning: MAINTAINER is deprecated: use a label, "
                  "org.opencontainers.image.authors",
                  "LegacyKeyValueFormat f:3:1: warning: \"ENV key=value\" should be used instead of \"ENV "
                  "key value\"",
                  "MultipleInstructionsDisallowed f:4:1: warning: CMD has no effect: a later one in the "
                  "stage replaces it",
                  "JSONArgsRecommended f:4:1: warning: CMD runs in a shell, which does not pass signals on: "
                  "use the form "
                  "[\"program\", \"argument\"]",
                  "JSONArgsRecommended f:5:1: warning: CMD runs in a shell, which does not pass signals on: "
                  "use the form "
                  "[\"program\", \"argument\"]",
                  "DuplicateStageName f:6:11: warning: another stage has the name build",
                  "NoEmptyContinuation f:8:1: warning: empty line in an instruction"));
}

TEST(Check, WarnsOfNamesThatAreProbablyMisspelt) {
  EXPECT_THAT(
      Lines("ARG VERSION=1\nFROM a:x$VERSON\nARG VERSION\nLABEL v=$VERSOIN p=$PATH"),
      ElementsAre("UndefinedArgInFrom f:2:6: warning: $VERSON is not set here (did you mean $VERSION?)",
                  "UndefinedVar f:4:1: warning: $VERSOIN is not set here (did you mean $VERSION?)"));
  EXPECT_THAT(Lines("FROM a\nARG VERSION", {.arguments = {{"VERSON", "1"}, {"HTTP_PROXY", "x"}}}),
              ElementsAre(" f: warning: no ARG declares the --build-arg VERSON (did you mean VERSION?)"));
}

TEST(Check, ObeysTheCheckDirective) {
  EXPECT_THAT(Lines("# check=skip=JSONArgsRecommended, StageNameCasing\nFROM a AS B\nCMD x"), ElementsAre());
  EXPECT_THAT(Lines("# check=skip=all\nFROM a AS B\nCMD x"), ElementsAre());
  EXPECT_FALSE(Check("# check=error=true\nFROM a\nCMD x", {}).Passes());
  EXPECT_TRUE(Check("# check=error=true;skip=JSONArgsRecommended\nFROM a\nCMD x", {}).Passes());
  EXPECT_THAT(
      Lines("# check=skip=JsonArgsRecomended\nFROM a"),
      ElementsAre("f:1:9: error: unknown rule JsonArgsRecomended (did you mean JSONArgsRecommended?)"));
  EXPECT_THAT(Lines("# check=nothing\nFROM a"),
              ElementsAre("f:1:9: error: # check=nothing: expected skip=RULE,... or error=true"));
}

}  // namespace
}  // namespace davit::cli::dockerfile
