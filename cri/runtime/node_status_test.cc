// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/node_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

v1::StatusResponse StatusOf(World& world) {
  Call call{MonotonicMilliseconds() + 60'000, {}};
  return world.runtime().node().Status({}, call).value();
}

v1::RuntimeCondition ConditionOf(World& world, const std::string& type) {
  v1::StatusResponse response = StatusOf(world);
  for (const v1::RuntimeCondition& condition : response.status().conditions())
    if (condition.type() == type) return condition;
  ADD_FAILURE() << "the status has no condition " << type;
  return {};
}

// The kubelet takes a node whose condition is false for not ready, and shows reason and message.
struct Row {
  const char* condition;
  const char* reason;
  const char* other_condition;
  void (*fail)(World& world, const Result<>& failure);
  void (*mend)(World& world);
};

const Row kRows[] = {
    {"RuntimeReady", "RuntimeNotReady", "NetworkReady",
     [](World& world, const Result<>& failure) { world.shims.SetHealth(failure); },
     [](World& world) { world.shims.SetHealth({}); }},
    {"RuntimeReady", "RuntimeNotReady", "NetworkReady",
     [](World& world, const Result<>& failure) { world.records.SetHealth(failure); },
     [](World& world) { world.records.SetHealth({}); }},
    {"NetworkReady", "NetworkPluginNotReady", "RuntimeReady",
     [](World& world, const Result<>& failure) { world.network.SetHealth(failure); },
     [](World& world) { world.network.SetHealth({}); }},
};

TEST(NodeStatus, EachConditionIsFalseWhileAPartThatItDescribesFails) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(&row - kRows);
    World world;
    EXPECT_TRUE(ConditionOf(world, row.condition).status());
    row.fail(world, Fail(Code::kResourceExhausted, "do", "it", "the test wants it to fail"));
    v1::RuntimeCondition failed = ConditionOf(world, row.condition);
    EXPECT_FALSE(failed.status());
    EXPECT_EQ(failed.reason(), row.reason);
    EXPECT_THAT(failed.message(), HasSubstr("the test wants it to fail"));
    EXPECT_TRUE(ConditionOf(world, row.other_condition).status());
    row.mend(world);
    EXPECT_TRUE(ConditionOf(world, row.condition).status());
  }
}

}  // namespace
}  // namespace davit::cri
