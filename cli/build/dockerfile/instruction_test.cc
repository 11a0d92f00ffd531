// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/instruction.h"

#include <gmock/gmock.h>

#include "cli/build/dockerfile/testing/reading.h"

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;

TEST(FromInstruction, NamesAStage) {
  Dockerfile file = FileOf("FROM --platform=linux/arm64 debian:12 aS Build\nFROM scratch");
  const From& from = file.stages[0].from();
  EXPECT_EQ(from.image.text, "debian:12");
  EXPECT_EQ(from.platform.text, "linux/arm64");
  EXPECT_EQ(from.name.text, "build");
  EXPECT_EQ(file.stages[0].Title(0), "build");
  EXPECT_EQ(file.stages[1].Title(1), "stage-1");
}

TEST(CommandInstructions, HaveAShellOrAnExecForm) {
  auto run = MeaningOf<dockerfile::Run>(
      "RUN --mount=type=tmpfs,target=/x --network=none --mount=target=/y --security=sandbox a  b");
  EXPECT_THAT(TextsOf(run.command.words), ElementsAre("a  b"));
  EXPECT_FALSE(run.command.exec_form);
  EXPECT_THAT(TextsOf(run.mounts), ElementsAre("type=tmpfs,target=/x", "target=/y"));
  EXPECT_EQ(run.network, Run::Network::kNone);
  EXPECT_THAT(TextsOf(MeaningOf<Cmd>("CMD [\"a\", \"b\"]").command.words), ElementsAre("a", "b"));
  EXPECT_TRUE(MeaningOf<Entrypoint>("ENTRYPOINT []").command.exec_form) << "removes that of the base image";
  EXPECT_THAT(TextsOf(MeaningOf<Shell>("SHELL [\"/bin/bash\", \"-c\"]").command),
              ElementsAre("/bin/bash", "-c"));
}

TEST(CommandInstructions, HaveHeredocs) {
  auto run = MeaningOf<dockerfile::Run>("RUN <<A cat\nx\nA");
  ASSERT_EQ(run.heredocs.size(), 1u);
  EXPECT_EQ(run.heredocs[0].content, "x\n");
}

TEST(FileInstructions, HaveSourcesAndADestination) {
  Copy copy = MeaningOf<Copy>(
      "COPY --from=0 --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude=*.a a b/ /dst/");
  EXPECT_THAT(TextsOf(copy.sources), ElementsAre("a", "b/"));
  EXPECT_EQ(copy.destination.text, "/dst/");
  EXPECT_EQ(copy.from.text, "0");
  EXPECT_EQ(copy.owner.text, "1:2");
  EXPECT_EQ(copy.mode.text, "u+x");
  EXPECT_TRUE(copy.link);
  EXPECT_TRUE(copy.parents);
  EXPECT_THAT(TextsOf(copy.exclude), ElementsAre("*.o", "*.a"));
  Add add = MeaningOf<Add>("ADD --checksum=sha256:0 --unpack=false --link=False https://x/y /z");
  EXPECT_EQ(add.checksum.text, "sha256:0");
  EXPECT_EQ(add.unpack, false);
  EXPECT_FALSE(add.link);
  EXPECT_FALSE(add.keep_git_dir.has_value());
}

TEST(FileInstructions, MakeFilesOfHeredocs) {
  Copy copy = MeaningOf<Copy>("COPY <<a.txt <<-'b' c /d/\nA$x\na.txt\n\tB\n\tb");
  ASSERT_EQ(copy.files.size(), 2u);
  EXPECT_EQ(copy.files[0].name.text, "a.txt");
  EXPECT_EQ(copy.files[0].content.text, "A$x\n");
  EXPECT_TRUE(copy.files[0].expands);
  EXPECT_EQ(copy.files[1].content.text, "B\n");
  EXPECT_FALSE(copy.files[1].expands);
  EXPECT_THAT(TextsOf(copy.sources), ElementsAre("c"));
  EXPECT_THAT(TextsOf(MeaningOf<Copy>("COPY [\"<<a\", \"/d\"]").sources), ElementsAre("<<a"));
}

TEST(Healthchecks, HaveIntervals) {
  Healthcheck check = MeaningOf<Healthcheck>(
      "HEALTHCHECK --interval=1m --timeout=3s --start-period=1ms --start-interval=2s --retries=4 CMD "
      "[\"a\"]");
  EXPECT_EQ(check.interval, 60'000'000'000);
  EXPECT_EQ(check.timeout, 3'000'000'000);
  EXPECT_EQ(check.start_period, 1'000'000);
  EXPECT_EQ(check.start_interval, 2'000'000'000);
  EXPECT_EQ(check.retries, 4);
  EXPECT_TRUE(check.command.exec_form);
  EXPECT_TRUE(MeaningOf<Healthcheck>("healthcheck none").none);
}

TEST(SettingInstructions, HaveValues) {
  Env env = MeaningOf<Env>("ENV a=b c=");
  EXPECT_EQ(env.variables[1].name.text, "c");
  EXPECT_EQ(env.variables[1].value.text, "");
  EXPECT_TRUE(MeaningOf<Label>("LABEL a b c").labels[0].legacy);
  Arg arg = MeaningOf<Arg>("ARG a b= c=d=e");
  EXPECT_FALSE(arg.arguments[0].value.has_value());
  EXPECT_EQ(arg.arguments[1].value->text, "");
  EXPECT_EQ(arg.arguments[2].value->text, "d=e");
  EXPECT_THAT(TextsOf(MeaningOf<Expose>("EXPOSE 80 443/tcp").ports), ElementsAre("80", "443/tcp"));
  EXPECT_THAT(TextsOf(MeaningOf<Volume>("VOLUME [\"/a b\", \" /c \"]").paths), ElementsAre("/a b", "/c"));
  EXPECT_EQ(MeaningOf<Workdir>("WORKDIR a b").path.text, "a b");
  EXPECT_EQ(MeaningOf<User>("USER a:b").user.text, "a:b");
  EXPECT_EQ(MeaningOf<StopSignal>("STOPSIGNAL 9").signal.text, "9");
  EXPECT_EQ(MeaningOf<Maintainer>("MAINTAINER me").name.text, "me");
}

TEST(OnBuildInstruction, KeepsItsTriggerAsText) {
  OnBuild on_build = MeaningOf<OnBuild>("ONBUILD  copy <<A <<B /x\na\nA\nb\nB");
  EXPECT_EQ(on_build.text, "copy <<A <<B /x\na\nA\nb\nB");
  EXPECT_EQ(std::get<Copy>(on_build.trigger->meaning).files[1].content.text, "b\n");
  EXPECT_EQ(on_build.trigger->place(), (Place{2, 10}));
}

struct Wrong {
  std::string text;
  std::string problem;
};

class WrongInstruction : public testing::TestWithParam<Wrong> {};

TEST_P(WrongInstruction, IsRefusedWithPlaceAndReason) {
  EXPECT_EQ(ProblemsOf(GetParam().text), GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongInstruction,
    testing::Values(
        Wrong{"FROM a\n RUNN x", "f:2:2: error: unknown instruction: RUNN (did you mean RUN?)"},
        Wrong{"FROM a\ncoppy x y", "f:2:1: error: unknown instruction: coppy (did you mean copy?)"},
        Wrong{"FROM a\nSOMETHING", "f:2:1: error: unknown instruction: SOMETHING"},
        Wrong{"RUN x", "f:1:1: error: no build stage in current context: expected FROM or ARG before RUN"},
        Wrong{"ARG a", "f: error: dockerfile contains no stages to build"},
        Wrong{"FROM a b",
              "f:1:1: error: FROM requires either one or three arguments: expected FROM IMAGE [AS NAME]"},
        Wrong{"FROM a as 1b",
              "f:1:11: error: invalid name for build stage: \"1b\": expected a letter, and then letters, "
              "digits, "
              "-, _ or ."},
        Wrong{"FROM --plattform=x a", "f:1:6: error: unknown flag: --plattform (did you mean --platform?)"},
        Wrong{"FROM a\nCOPY --link=maybe a b",
              "f:2:6: error: flag --link has the value \"maybe\": expected true or false"},
        Wrong{"FROM a\nCOPY --chown a b", "f:2:6: error: missing a value on flag: --chown"},
        Wrong{"FROM a\nCOPY --from=a --from=b a b", "f:2:15: error: duplicate flag specified: --from"},
        Wrong{"FROM a\nCOPY a",
              "f:2:1: error: COPY requires at least two arguments: expected COPY SOURCE... DESTINATION"},
        Wrong{"FROM a\nADD a <<X\nX", "f:2:7: error: ADD cannot accept a heredoc as a destination"},
        Wrong{"FROM a\nENV", "f:2:1: error: ENV requires at least one argument"},
        Wrong{"FROM a\nENV =b", "f:2:5: error: ENV names can not be blank"},
        Wrong{"FROM a\nARG =b", "f:2:5: error: ARG names can not be blank"},
        Wrong{"FROM a\nWORKDIR", "f:2:1: error: WORKDIR requires exactly one argument"},
        Wrong{"FROM a\nVOLUME [\" \"]", "f:2:9: error: VOLUME specified can not be an empty string"},
        Wrong{
            "FROM a\nSHELL sh -c",
            "f:2:7: error: SHELL requires the arguments to be in JSON form: expected [\"/bin/sh\", \"-c\"]"},
        Wrong{"FROM a\nRUN", "f:2:1: error: RUN requires at least one argument"},
        Wrong{"FROM a\nRUN --network=nnone x",
              "f:2:5: error: invalid network mode \"nnone\": expected default, none or host (did you mean "
              "none?)"},
        Wrong{"FROM a\nRUN --security=insecure x", "f:2:5: error: --security=insecure is not supported"},
        Wrong{"FROM a\nRUN --device=x y", "f:2:5: error: --device is not supported"},
        Wrong{"FROM a\nRUN --mount=from=$x,target=/y z",
              "f:2:5: error: 'from' doesn't support variable expansion: define an alias stage instead"},
        Wrong{"FROM a\nHEALTHCHECK NONE x", "f:2:13: error: HEALTHCHECK NONE takes no arguments"},
        Wrong{"FROM a\nHEALTHCHECK x", "f:2:13: error: unknown type x in HEALTHCHECK: expected CMD or NONE"},
        Wrong{"FROM a\nHEALTHCHECK CMD", "f:2:13: error: missing command after HEALTHCHECK CMD"},
        Wrong{"FROM a\nHEALTHCHECK --interval=5 CMD x",
              "f:2:13: error: --interval=5: expected a duration such as 30s or 1m30s"},
        Wrong{"FROM a\nHEALTHCHECK --timeout=1us CMD x",
              "f:2:13: error: --timeout=1us: expected at least 1ms"},
        Wrong{"FROM a\nHEALTHCHECK --retries=-1 CMD x",
              "f:2:13: error: --retries=-1: expected a whole number that is not negative"},
        Wrong{"FROM a\nONBUILD", "f:2:1: error: ONBUILD requires at least one argument"},
        Wrong{"FROM a\nONBUILD ONBUILD RUN x",
              "f:2:9: error: chaining ONBUILD via ONBUILD ONBUILD isn't allowed"},
        Wrong{"FROM a\nONBUILD from x", "f:2:9: error: FROM isn't allowed as an ONBUILD trigger"},
        Wrong{"FROM a\nONBUILD CPOY a b", "f:2:9: error: unknown instruction: CPOY (did you mean COPY?)"},
        Wrong{"FROM a\nRUNN x\nENV\nRUN y",
              "f:2:1: error: unknown instruction: RUNN (did you mean RUN?)\nf:3:1: error: ENV requires at "
              "least one argument"}));

}  // namespace
}  // namespace davit::cli::dockerfile
