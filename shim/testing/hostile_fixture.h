// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture for containers and requests that attack the shim.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "shim/plan.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {

class HostileTest : public ShimTest {
 protected:
  // Starts the container and returns the error. If it starts, fails the test and kills it.
  Error FailStart(const ContainerPlan& plan) {
    auto started = daemon_.Start(plan, image_);
    if (!started) return started.error();
    ADD_FAILURE() << "it started";
    (void)daemon_.Kill(plan.container_id);
    (void)daemon_.AwaitExit(plan.container_id);
    return {};
  }
  // MinimalPlan with every capability and without masked or read-only paths.
  ContainerPlan Privileged(unsigned id, std::vector<std::string> args) {
    constexpr uint64_t kEveryCapability = ~0ULL;
    ContainerPlan plan = MinimalPlan(TestId(id), std::move(args));
    plan.process.capabilities = {kEveryCapability, kEveryCapability, kEveryCapability, 0, 0};
    plan.masked_paths.clear();
    plan.read_only_paths.clear();
    return plan;
  }
};

}  // namespace davit::shim
