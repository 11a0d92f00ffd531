// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/health_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using State = api::HealthState;

constexpr int64_t kMillisecond = 1'000'000;

class HealthChecksTest : public ::testing::Test {
 protected:
  // Probes come as fast as they may.
  static api::ContainerSpec Checked(int64_t timeout_ms = 30'000) {
    api::ContainerSpec spec = LocalWorld::Spec();
    spec.mutable_health()->add_test("CMD");
    spec.mutable_health()->add_test("probe");
    spec.mutable_health()->set_interval(kMillisecond);
    spec.mutable_health()->set_timeout(timeout_ms * kMillisecond);
    return spec;
  }
  State HealthOf(const std::string& name) { return w_.StateOf(name).health(); }
  bool Becomes(const std::string& name, State::Status status) {
    return w_.world.Eventually([&] { return HealthOf(name).status() == status; });
  }

  LocalWorld w_;
};

TEST_F(HealthChecksTest, ChangesWithTheExitCodeOfTheProbes) {
  w_.world.shims.EndExecsWith(1);
  w_.RunContainer("web", Checked());
  EXPECT_EQ(HealthOf("web").status(), State::STARTING);
  ASSERT_TRUE(Becomes("web", State::UNHEALTHY));
  EXPECT_GE(HealthOf("web").failing_streak(), 3u);
  ASSERT_FALSE(HealthOf("web").log().empty());
  EXPECT_EQ(HealthOf("web").log(0).exit_code(), 1);
  EXPECT_EQ(HealthOf("web").log(0).output(), "outerr");
  EXPECT_GE(HealthOf("web").log(0).ended_at(), HealthOf("web").log(0).started_at());
  w_.world.shims.EndExecsWith(0);
  ASSERT_TRUE(Becomes("web", State::HEALTHY));
  EXPECT_EQ(HealthOf("web").failing_streak(), 0u);
  ASSERT_TRUE(w_.world.Eventually([&] { return HealthOf("web").log_size() == 5; }));
  for (const api::Container& listed : w_.local().List(/*all=*/true)) {
    EXPECT_EQ(listed.state().health().status(), State::HEALTHY);
    EXPECT_THAT(listed.state().health().log(), SizeIs(0));
  }
}

TEST_F(HealthChecksTest, OneThatHangsIsEndedAtItsTimeout) {
  w_.world.shims.HangExecs();
  w_.RunContainer("web", Checked(/*timeout_ms=*/20));
  ASSERT_TRUE(Becomes("web", State::UNHEALTHY));
  EXPECT_EQ(HealthOf("web").log(0).exit_code(), kNoProbeExit);
  EXPECT_THAT(HealthOf("web").log(0).output(), HasSubstr("20 ms"));
}

TEST_F(HealthChecksTest, OneThatHangsHoldsUpNeitherOthersNorTheDaemonsEnd) {
  w_.world.shims.HangExecs();
  for (int i = 0; i < 40; ++i) w_.RunContainer("hung" + std::to_string(i), Checked());
  auto hands = [&] {
    size_t handed = 0;
    for (const std::string& step : w_.world.steps.taken()) handed += step == "shim.HandExec" ? 1 : 0;
    return handed;
  };
  ASSERT_TRUE(w_.world.Eventually([&] { return hands() == 40; })) << hands();
  w_.world.shims.LetExecsEnd();
  w_.world.shims.EndExecsWith(0);
  w_.RunContainer("web", Checked());
  EXPECT_TRUE(Becomes("web", State::HEALTHY));
  int64_t began = MonotonicMilliseconds();
  w_.Restart();
  EXPECT_LT(MonotonicMilliseconds() - began, 20'000) << "and not after their timeout";
}

TEST_F(HealthChecksTest, BeginsAgainWithEachRunAndEachDaemon) {
  w_.world.shims.EndExecsWith(0);
  std::string id = w_.RunContainer("web", Checked());
  ASSERT_TRUE(Becomes("web", State::HEALTHY));
  w_.world.shims.EndExecsWith(1);
  w_.Restart();
  EXPECT_EQ(HealthOf("web").status(), State::STARTING);
  ASSERT_TRUE(Becomes("web", State::UNHEALTHY));
  w_.Exit(id, 0);
  ASSERT_TRUE(w_.Becomes("web", api::ContainerState::EXITED));
  EXPECT_EQ(HealthOf("web").status(), State::UNHEALTHY) << "why it was restarted may interest";
  w_.world.shims.EndExecsWith(0);
  ASSERT_TRUE(w_.local().Start("web", w_.Deadline()));
  EXPECT_NE(HealthOf("web").status(), State::UNHEALTHY);
  EXPECT_TRUE(Becomes("web", State::HEALTHY));
}

TEST_F(HealthChecksTest, AShimThatDoesNotAnswerMakesItUnhealthy) {
  std::string id = w_.RunContainer("web", Checked());
  w_.world.shims.SetMood(w_.PodsOf(id).at(0).id(), cri::ShimMood::kSilent);
  EXPECT_TRUE(Becomes("web", State::UNHEALTHY));
}

TEST_F(HealthChecksTest, NoProbeWritesARecord) {
  w_.world.shims.EndExecsWith(0);
  w_.RunContainer("web", Checked());
  auto writes = [&] {
    size_t count = 0;
    for (const std::string& step : w_.world.steps.taken()) count += step.starts_with("store.") ? 1 : 0;
    return count;
  };
  size_t before = writes();
  ASSERT_TRUE(w_.world.Eventually([&] { return HealthOf("web").log_size() == 5; }));
  EXPECT_EQ(writes(), before);
}

TEST_F(HealthChecksTest, TheImagesCheckIsInForceUnlessTheSpecHasNone) {
  w_.world.images.Add("image",
                      R"({"config":{"Cmd":["/bin/app"],"Healthcheck":{"Test":["CMD","x"],"Retries":9}}})");
  w_.RunContainer("web");
  EXPECT_EQ(HealthOf("web").status(), State::STARTING);
  EXPECT_EQ(w_.local().Inspect("web")->spec().health().retries(), 9u);
  api::ContainerSpec none = LocalWorld::Spec();
  none.mutable_health()->add_test("NONE");
  w_.RunContainer("plain", none);
  EXPECT_FALSE(w_.StateOf("plain").has_health());
  w_.Restart();
  EXPECT_EQ(HealthOf("web").status(), State::STARTING);
}

TEST_F(HealthChecksTest, NothingIsLeftOfARemovedOne) {
  w_.world.shims.HangExecs();
  w_.RunContainer("web", Checked());
  ASSERT_TRUE(w_.local().Remove("web", /*force=*/true, w_.Deadline()));
  EXPECT_EQ(w_.local().Inspect("web").error().code, Code::kNotFound);
  EXPECT_TRUE(w_.world.Eventually([&] { return w_.Leftovers().empty(); }));
}

}  // namespace
}  // namespace davit::local
