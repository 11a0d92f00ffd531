// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The whole shim, played the daemon to: sandboxes, containers, execs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shim/testing/test_daemon.h"

namespace davit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ShimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string why = TestImage::WhyNot(); !why.empty()) GTEST_SKIP() << why;
    auto launched = daemon_.LaunchShim();
    ASSERT_TRUE(launched) << launched.error().ToString();
  }

  static SandboxPlan Sandbox() {
    SandboxPlan plan;
    plan.sandbox_id = TestId(0);
    plan.hostname = "pod-under-test";
    return plan;
  }
  void StartSandbox(const SandboxPlan& plan = Sandbox()) {
    auto started = daemon_.StartSandbox(plan);
    ASSERT_TRUE(started) << started.error().ToString() << "\n" << daemon_.ShimLog();
  }

  ContainerOutcome Run(const ContainerPlan& plan) {
    auto outcome = daemon_.Run(plan, image_);
    if (outcome) return *outcome;
    ADD_FAILURE() << outcome.error().ToString() << "\n" << daemon_.ShimLog();
    return {};
  }
  ContainerOutcome RunScript(const std::string& script) {
    return Run(MinimalPlan(TestId(next_id_++), {"sh", "-c", script}));
  }

  TestImage image_;
  TestDaemon daemon_;
  unsigned next_id_ = 1;
};

TEST_F(ShimTest, SaysHelloWithItsPid) {
  auto hello = daemon_.Hello();
  ASSERT_TRUE(hello) << hello.error().ToString();
  EXPECT_EQ(hello->version, kShimProtocolVersion);
  EXPECT_EQ(hello->pid, daemon_.shim().pid);
  EXPECT_EQ(hello->sandbox_id, TestId(0));
  EXPECT_FALSE(hello->sandbox_started);
}

TEST_F(ShimTest, RunsAContainerAndPumpsItsOutput) {
  StartSandbox();
  ContainerOutcome outcome = RunScript("echo hello; echo oops >&2; exit 3");
  EXPECT_EQ(outcome.exit.exit_code, 3);
  EXPECT_EQ(outcome.exit.signal, 0);
  EXPECT_THAT(outcome.out, ElementsAre("hello"));
  EXPECT_THAT(outcome.err, ElementsAre("oops"));
}

}  // namespace
}  // namespace davit
