// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/image_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ImageChangesTest, InstructionsAreUnderstoodAsInDockerfiles) {
  auto changes = ParseImageChanges({"CMD [\"a\", \"b c\"]", "entrypoint echo hi", "ENV A=1 B=\"2 3\"",
                                    "ENV OLD form", "EXPOSE 80 53/udp", "LABEL l=1", "ONBUILD RUN make",
                                    "STOPSIGNAL SIGINT", "USER 7:8", "VOLUME /data", "WORKDIR /w"});
  ASSERT_TRUE(changes) << changes.error().ToString();
  EXPECT_THAT(changes->command().words(), ElementsAre("a", "b c"));
  EXPECT_THAT(changes->entrypoint().words(), ElementsAre("/bin/sh", "-c", "echo hi"));
  EXPECT_THAT(changes->env(), ElementsAre("A=1", "B=2 3", "OLD=form"));
  EXPECT_THAT(changes->exposed_ports(), ElementsAre("80/tcp", "53/udp"));
  EXPECT_EQ(changes->labels().at("l"), "1");
  EXPECT_THAT(changes->on_build(), ElementsAre("RUN make"));
  EXPECT_EQ(changes->stop_signal(), "SIGINT");
  EXPECT_EQ(changes->user(), "7:8");
  EXPECT_THAT(changes->volumes(), ElementsAre("/data"));
  EXPECT_EQ(changes->working_dir(), "/w");
  EXPECT_FALSE(ParseImageChanges({})->has_command());
}

TEST(ImageChangesTest, OthersAreRefusedWithTheReason) {
  EXPECT_THAT(ParseImageChanges({"RUN make"}).error().ToString(),
              HasSubstr("RUN is not a valid change command"));
  EXPECT_THAT(ParseImageChanges({"CMDD x"}).error().ToString(), HasSubstr("CMD"));
  EXPECT_THAT(ParseImageChanges({"ENV PATH=/x:$PATH"}).error().ToString(), HasSubstr("PATH"));
  for (const char* wrong : {"", "FROM busybox", "CMD a\nCMD b", "ENV", "COPY a b"})
    EXPECT_FALSE(ParseImageChanges({wrong})) << wrong;
}

}  // namespace
}  // namespace davit::cli
