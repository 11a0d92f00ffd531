// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/container_text.h"
#include "cli/quantity.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

TEST(DurationTest, IsAsGoWritesIt) {
  EXPECT_EQ(ParseDuration("30s"), 30 * kSecond);
  EXPECT_EQ(ParseDuration("1m30s"), 90 * kSecond);
  EXPECT_EQ(ParseDuration("1.5h"), 5400 * kSecond);
  EXPECT_EQ(ParseDuration("250ms"), kSecond / 4);
  EXPECT_EQ(ParseDuration("7us3ns"), 7003);
  EXPECT_EQ(ParseDuration("0"), 0);
  EXPECT_EQ(ParseDuration("0s"), 0);
  for (const char* bad : {"", "30", "s", "-1s", "1 s", "1d", "1s2", "1..5s", "99999999999h"}) {
    auto parsed = ParseDuration(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
  }
}

TEST(HealthOptionsTest, HaveAllThatWasWritten) {
  api::ContainerSpec spec;
  ASSERT_TRUE(SetHealth({.command = "curl -f localhost || exit 1",
                         .interval = "10s",
                         .timeout = "1s",
                         .start_period = "1m",
                         .start_interval = "500ms",
                         .retries = 5},
                        spec));
  EXPECT_THAT(spec.health().test(), ElementsAre("CMD-SHELL", "curl -f localhost || exit 1"));
  EXPECT_EQ(spec.health().interval(), 10 * kSecond);
  EXPECT_EQ(spec.health().timeout(), kSecond);
  EXPECT_EQ(spec.health().start_period(), 60 * kSecond);
  EXPECT_EQ(spec.health().start_interval(), kSecond / 2);
  EXPECT_EQ(spec.health().retries(), 5u);
  api::ContainerSpec plain;
  ASSERT_TRUE(SetHealth({}, plain));
  EXPECT_FALSE(plain.has_health());
  ASSERT_TRUE(SetHealth({.none = true}, plain));
  EXPECT_THAT(plain.health().test(), ElementsAre("NONE"));
}

TEST(HealthOptionsTest, BadOnesAreNamed) {
  api::ContainerSpec spec;
  auto refuses = [&](const char* flag, const HealthOptions& options) {
    Result<> set = SetHealth(options, spec);
    ASSERT_FALSE(set) << flag;
    EXPECT_THAT(set.error().ToString(), HasSubstr(flag));
  };
  refuses("--health-interval", {.interval = "10"});
  refuses("--health-timeout", {.timeout = "10us"});
  refuses("--health-start-period", {.start_period = "soon"});
  refuses("--health-start-interval", {.start_interval = "-1s"});
  refuses("--no-healthcheck", {.command = "true", .none = true});
}

TEST(HealthTextTest, IsBehindTheStatus) {
  api::ContainerState state;
  state.set_status(api::ContainerState::RUNNING);
  auto text = [&] { return StatusText(state, 125 * kSecond); };
  EXPECT_EQ(text(), "Up 2 minutes");
  state.mutable_health()->set_status(api::HealthState::STARTING);
  EXPECT_EQ(text(), "Up 2 minutes (health: starting)");
  state.mutable_health()->set_status(api::HealthState::HEALTHY);
  EXPECT_EQ(text(), "Up 2 minutes (healthy)");
  state.mutable_health()->set_status(api::HealthState::UNHEALTHY);
  EXPECT_EQ(text(), "Up 2 minutes (unhealthy)");
  state.set_status(api::ContainerState::EXITED);
  EXPECT_THAT(text(), ::testing::Not(HasSubstr("healthy")));
}

TEST(HealthTextTest, TheDocumentsAreDockers) {
  api::Container container;
  api::HealthCheck& check = *container.mutable_spec()->mutable_health();
  check.add_test("CMD");
  check.add_test("true");
  check.set_interval(kSecond);
  check.set_retries(2);
  api::HealthState& health = *container.mutable_state()->mutable_health();
  health.set_status(api::HealthState::UNHEALTHY);
  health.set_failing_streak(4);
  api::HealthResult& result = *health.add_log();
  result.set_started_at(kSecond);
  result.set_exit_code(1);
  result.set_output("refused\n");
  nlohmann::json document = InspectDocument(container);
  EXPECT_EQ(document["State"]["Health"]["Status"], "unhealthy");
  EXPECT_EQ(document["State"]["Health"]["FailingStreak"], 4);
  EXPECT_EQ(document["State"]["Health"]["Log"][0]["ExitCode"], 1);
  EXPECT_EQ(document["State"]["Health"]["Log"][0]["Output"], "refused\n");
  EXPECT_EQ(document["State"]["Health"]["Log"][0]["Start"], "1970-01-01T00:00:01.000000000Z");
  EXPECT_EQ(document["Config"]["Healthcheck"],
            nlohmann::json({{"Test", {"CMD", "true"}}, {"Interval", kSecond}, {"Retries", 2}}));
  EXPECT_FALSE(InspectDocument(api::Container())["State"].contains("Health"));
}

}  // namespace
}  // namespace davit::cli
