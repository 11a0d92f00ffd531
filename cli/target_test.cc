// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cli {
namespace {

using ::testing::HasSubstr;

Target Make(const std::string& pod_id, const std::string& pod_name, const std::string& container_id = "",
            const std::string& container_name = "", v1::ContainerState state = v1::CONTAINER_RUNNING) {
  Target target;
  target.pod.set_id(pod_id);
  target.pod.mutable_metadata()->set_name(pod_name);
  if (container_id.empty()) return target;
  target.container.emplace();
  target.container->set_id(container_id);
  target.container->mutable_metadata()->set_name(container_name);
  target.container->set_state(state);
  return target;
}

const std::vector<Target> kTargets = {
    Make("a100", "web", "c111", "web"),
    Make("a200", "db", "c211", "postgres"),
    Make("a200", "db", "c222", "exporter"),
    Make("a300", "job", "c333", "job", v1::CONTAINER_EXITED),
    Make("a300", "job", "d444", "job"),
    Make("a400", "empty"),
    Make("a500", "c2"),
};

std::string IdOf(const Result<Target>& target) {
  return target ? target->container->id() : target.error().ToString();
}

TEST(TargetTest, IsFoundByNameOfContainerOrPod) {
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "web")), "c111");
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "postgres")), "c211");
}

TEST(TargetTest, IsFoundByIdOrItsBeginning) {
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "c222")), "c222");
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "c22")), "c222");
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "a1")), "c111");
}

TEST(TargetTest, OfOneNameTheRunningOneIsMeant) {
  EXPECT_EQ(IdOf(ChooseContainer(kTargets, "job")), "d444");
}

TEST(TargetTest, AmbiguousWordsNameTheCandidates) {
  auto target = ChooseContainer(kTargets, "db");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::kInvalidArgument);
  EXPECT_THAT(target.error().ToString(), HasSubstr("c211 c222"));
  EXPECT_FALSE(ChooseContainer(kTargets, "c"));
}

TEST(TargetTest, UnknownAndEmptyWordsFindNothing) {
  EXPECT_EQ(ChooseContainer(kTargets, "nobody").error().code, Code::kNotFound);
  EXPECT_EQ(ChooseContainer(kTargets, "").error().code, Code::kNotFound);
}

TEST(TargetTest, APodWithoutContainersIsNoContainer) {
  EXPECT_EQ(ChooseContainer(kTargets, "empty").error().code, Code::kFailedPrecondition);
}

}  // namespace
}  // namespace davit::cli
