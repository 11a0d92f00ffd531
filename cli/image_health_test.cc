// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// image verify and image repair.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class HealthVerbs : public VerbFixture {
 protected:
  // What a verb prints, and its exit status at the end.
  template <typename Options>
  std::string Outcome(const Options& options) {
    CapturedConsole console;
    Session session{daemon_, console.console(), interrupt_};
    Result<int> status = Perform(session, options);
    EXPECT_TRUE(status) << status.error().ToString();
    return console.Out() + "exit status " + std::to_string(status.value_or(-1));
  }
};

TEST_F(HealthVerbs, VerifyPrintsALinePerImage) {
  EXPECT_EQ(Outcome(ImageVerifyOptions{}),
            "docker.io/library/busybox:latest: ok (1 layers, 412 files)\nexit status 0");
  EXPECT_EQ(Outcome(ImageVerifyOptions{.images = {"busybox"}, .quick = true}),
            "docker.io/library/busybox:latest: ok (1 layers, 412 files)\nexit status 0");
  EXPECT_THAT(cri_.images().calls(), ElementsAre("Verify", "Verify quick"));
}

TEST_F(HealthVerbs, VerifySaysWhatIsDamagedAndFails) {
  cri_.images().Add("damaged");
  EXPECT_EQ(Outcome(ImageVerifyOptions{}),
            "docker.io/library/busybox:latest: ok (1 layers, 412 files)\n"
            "docker.io/library/damaged:latest: damaged\n"
            "  layer bbbbbbbbbbbb: damaged, 2 problem(s)\n"
            "    bin/sh: has 0 bytes instead of 12\n"
            "    ...\n"
            "exit status 1");
}

TEST_F(HealthVerbs, VerifyAsJsonHasAllFields) {
  cri_.images().Add("damaged");
  CapturedConsole console(OutputFormat::kJson);
  Session session{daemon_, console.console(), interrupt_};
  EXPECT_EQ(Perform(session, ImageVerifyOptions{.images = {"damaged"}}).value(), 1);
  auto json = nlohmann::json::parse(console.Out());
  ASSERT_THAT(json, SizeIs(1));
  EXPECT_FALSE(json[0]["whole"]);
  EXPECT_EQ(json[0]["layers"][0]["state"], "damaged");
  EXPECT_EQ(json[0]["layers"][0]["problems"], 2);
}

TEST_F(HealthVerbs, VerifyOfAnUnknownImageIsAnError) {
  Result<int> status = Do(ImageVerifyOptions{.images = {"nothing"}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
}

TEST_F(HealthVerbs, RepairSaysWhatItFoundAndDid) {
  cri_.images().Add("damaged");
  EXPECT_EQ(Outcome(ImageRepairOptions{}),
            "docker.io/library/busybox:latest: ok (1 layers, 412 files)\n"
            "docker.io/library/damaged:latest: repaired\n"
            "  layer bbbbbbbbbbbb: damaged, 2 problem(s)\n"
            "    bin/sh: has 0 bytes instead of 12\n"
            "    ...\n"
            "exit status 0");
  EXPECT_THAT(Outcome(ImageVerifyOptions{}), HasSubstr("exit status 0"));
}

TEST_F(HealthVerbs, AnIncompleteImageIsNoneThatContainersCanUse) {
  cri_.images().Add("incomplete");
  EXPECT_THAT(
      Outcome(ImageVerifyOptions{.images = {"incomplete"}}),
      HasSubstr("incomplete:latest: damaged\n  no container can use it until it is repaired or pulled\n"));
  EXPECT_THAT(Outcome(ImageRepairOptions{.images = {"incomplete"}}),
              HasSubstr("incomplete:latest: repaired\n"));
}

TEST_F(HealthVerbs, ARepairThatFailsDoesNotStopTheOthers) {
  cri_.images().Add("damaged-for-ever");
  cri_.images().Add("damaged-too");
  std::string outcome = Outcome(ImageRepairOptions{});
  EXPECT_THAT(outcome, HasSubstr("damaged-for-ever:latest: not repaired: the registry does not answer"));
  EXPECT_THAT(outcome, HasSubstr("damaged-too:latest: repaired"));
  EXPECT_THAT(outcome, HasSubstr("exit status 1"));
}

}  // namespace
}  // namespace davit::cli
