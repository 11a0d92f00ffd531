// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using State = api::HealthState;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMillisecond = 1'000'000;

api::HealthCheck CheckOf(std::vector<std::string> test) {
  api::HealthCheck check;
  check.mutable_test()->Add(test.begin(), test.end());
  return check;
}

ProbeResult Probed(int32_t exit_code, int64_t started_at = 100 * kSecond) {
  return {started_at, started_at + kSecond, exit_code, std::to_string(exit_code)};
}

TEST(HealthTest, WhatIsNotAskedForIsTheImages) {
  images::ImageConfig image;
  image.healthcheck = {{"CMD", "true"}, 7 * kSecond, 6 * kSecond, 5 * kSecond, 4 * kSecond, 3};
  image.shell = {"/bin/ash", "-c"};
  api::HealthCheck of_image = HealthCheckOf({}, image);
  EXPECT_THAT(of_image.test(), ElementsAre("CMD", "true"));
  EXPECT_EQ(of_image.interval(), 7 * kSecond);
  EXPECT_EQ(of_image.timeout(), 6 * kSecond);
  EXPECT_EQ(of_image.start_period(), 5 * kSecond);
  EXPECT_EQ(of_image.start_interval(), 4 * kSecond);
  EXPECT_EQ(of_image.retries(), 3u);
  api::HealthCheck wanted = CheckOf({"CMD-SHELL", "ls /"});
  wanted.set_interval(kSecond);
  api::HealthCheck mixed = HealthCheckOf(wanted, image);
  EXPECT_THAT(ProbeCommand(mixed), ElementsAre("/bin/ash", "-c", "ls /"));
  EXPECT_EQ(mixed.interval(), kSecond);
  EXPECT_EQ(mixed.timeout(), 6 * kSecond);
  EXPECT_EQ(HealthCheckOf(CheckOf({"NONE"}), image).ByteSizeLong(), 0u);
  image.healthcheck.test = {"curl", "localhost"};
  EXPECT_FALSE(IsChecked(HealthCheckOf({}, image))) << "of a kind that nobody knows";
}

TEST(HealthTest, RunsAProgramOrALineOfAShell) {
  EXPECT_THAT(ProbeCommand(CheckOf({"CMD", "curl", "-f", "x"})), ElementsAre("curl", "-f", "x"));
  EXPECT_THAT(ProbeCommand(CheckOf({"CMD-SHELL", "a || b"})), ElementsAre("/bin/sh", "-c", "a || b"));
}

TEST(HealthTest, WhatHasNoMeaningIsRefused) {
  EXPECT_TRUE(CheckHealthCheck({}));
  EXPECT_TRUE(CheckHealthCheck(CheckOf({"NONE"})));
  const std::vector<std::vector<std::string>> bad = {
      {"CMD"}, {"CMD-SHELL"}, {"NONE", "x"}, {"curl", "x"}, {""}};
  for (const std::vector<std::string>& test : bad)
    EXPECT_EQ(CheckHealthCheck(CheckOf(test)).error().code, Code::kInvalidArgument) << test[0];
  EXPECT_FALSE(CheckHealthCheck(CheckOf(std::vector<std::string>(1001, "CMD"))));
  EXPECT_FALSE(CheckHealthCheck(CheckOf({"CMD", std::string(70'000, 'x')})));
  api::HealthCheck check = CheckOf({"CMD", "true"});
  check.set_interval(kMillisecond - 1);
  EXPECT_NE(CheckHealthCheck(check).error().ToString().find("health.interval"), std::string::npos);
  check.set_interval(kMillisecond);
  EXPECT_TRUE(CheckHealthCheck(check));
  check.set_timeout(-1);
  EXPECT_FALSE(CheckHealthCheck(check));
}

TEST(HealthTest, ThreeFailuresInARowMakeItUnhealthyAndOneSuccessHealthy) {
  api::HealthCheck check = CheckOf({"CMD", "true"});
  Health health;
  EXPECT_EQ(health.status, State::STARTING);
  EXPECT_FALSE(NoteProbe(check, 0, Probed(1), health));
  EXPECT_FALSE(NoteProbe(check, 0, Probed(kNoProbeExit), health));
  EXPECT_EQ(health.status, State::STARTING);
  EXPECT_EQ(health.failing_streak, 2u);
  EXPECT_TRUE(NoteProbe(check, 0, Probed(2), health));
  EXPECT_EQ(health.status, State::UNHEALTHY);
  EXPECT_FALSE(NoteProbe(check, 0, Probed(2), health));
  EXPECT_EQ(health.failing_streak, 4u);
  EXPECT_TRUE(NoteProbe(check, 0, Probed(0), health));
  EXPECT_EQ(health.status, State::HEALTHY);
  EXPECT_EQ(health.failing_streak, 0u);
  EXPECT_FALSE(NoteProbe(check, 0, Probed(1), health)) << "one failure is not enough";
  ASSERT_EQ(health.log.size(), kMostProbeResults);
  EXPECT_EQ(health.log.front().exit_code, kNoProbeExit) << "the oldest one is gone";
  EXPECT_EQ(health.log.back().exit_code, 1);
  check.set_retries(1);
  EXPECT_TRUE(NoteProbe(check, 0, Probed(1), health));
  EXPECT_EQ(health.status, State::UNHEALTHY);
}

TEST(HealthTest, FailuresInTheStartPeriodDoNotCount) {
  api::HealthCheck check = CheckOf({"CMD", "true"});
  check.set_retries(1);
  check.set_start_period(10 * kSecond);
  const int64_t start = 50 * kSecond;
  Health health;
  EXPECT_FALSE(NoteProbe(check, start, Probed(1, start + 9 * kSecond), health));
  EXPECT_EQ(health.failing_streak, 0u);
  EXPECT_EQ(health.log.size(), 1u) << "they are shown";
  EXPECT_TRUE(NoteProbe(check, start, Probed(1, start + 10 * kSecond), health));
  Health succeeded;
  EXPECT_TRUE(NoteProbe(check, start, Probed(0, start + kSecond), succeeded));
  EXPECT_TRUE(NoteProbe(check, start, Probed(1, start + 2 * kSecond), succeeded))
      << "the period ends with the first success";
}

TEST(HealthTest, IsProbedMoreOftenInTheStartPeriod) {
  api::HealthCheck check = CheckOf({"CMD", "true"});
  Health health;
  EXPECT_EQ(ProbePauseMs(check, health, 0, 0), 30'000);
  EXPECT_EQ(ProbeTimeoutMs(check), 30'000);
  check.set_interval(10 * kSecond);
  check.set_start_period(60 * kSecond);
  EXPECT_EQ(ProbePauseMs(check, health, kSecond, 2 * kSecond), 5'000);
  check.set_start_interval(2 * kSecond);
  EXPECT_EQ(ProbePauseMs(check, health, kSecond, 2 * kSecond), 2'000);
  EXPECT_EQ(ProbePauseMs(check, health, kSecond, 61 * kSecond), 10'000);
  health.status = State::HEALTHY;
  EXPECT_EQ(ProbePauseMs(check, health, kSecond, 2 * kSecond), 10'000);
  check.set_interval(kMillisecond);
  EXPECT_EQ(ProbePauseMs(check, health, 0, 0), 100) << "the node gets a pause";
}

}  // namespace
}  // namespace davit::local
