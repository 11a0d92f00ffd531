// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A test with its own shim and an image to run.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "shim/testing/test_daemon.h"

namespace davit::shim {

class ShimTest : public ::testing::Test {
 public:
  // Polls until `predicate` holds. Returns false if it does not hold within 30 seconds.
  template <typename Predicate>
  static bool Eventually(Predicate predicate) {
    for (int i = 0; i < 3000; ++i) {
      if (predicate()) return true;
      usleep(10'000);
    }
    return false;
  }

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

  // Whether the file `name` exists in the image's root: a container creates it to report something without
  // output.
  bool IsThere(const std::string& name) const { return access((image_.path() + name).c_str(), F_OK) == 0; }

  TestImage image_;
  TestDaemon daemon_;
  unsigned next_id_ = 1;
};

}  // namespace davit::shim
