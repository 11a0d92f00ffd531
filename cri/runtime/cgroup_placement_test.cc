// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the verbs place pods and containers under each cgroup driver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kSlice[] = "/kubepods.slice/kubepods-podu_1.slice";

class CgroupPlacementTest : public ::testing::Test {
 protected:
  void UseSystemd() {
    world_.cgroups.Place(std::make_unique<SystemdPlacement>(SystemdPlacement::Make("/", "davit").value()));
    world_.Restart();
    ASSERT_TRUE(world_.Recover());
  }
  void UseCgroupfs() {
    world_.cgroups.Place(std::make_unique<CgroupfsPlacement>("/"));
    world_.Restart();
    ASSERT_TRUE(world_.Recover());
  }
  Result<std::string> RunBelow(const std::string& parent) {
    v1::RunPodSandboxRequest request = world_.SandboxRequest();
    request.mutable_config()->mutable_linux()->set_cgroup_parent(parent);
    Call call{MonotonicMilliseconds() + 10'000, {}};
    return TRY(world_.runtime().sandboxes().Run(request, call)).pod_sandbox_id();
  }
  v1::CgroupDriver Driver() {
    Call call{MonotonicMilliseconds() + 1'000, {}};
    return world_.runtime().node().RuntimeConfig({}, call).value().linux().cgroup_driver();
  }
  void ExpectRefused(const std::string& parent, const std::string& reason) {
    Result<std::string> id = RunBelow(parent);
    ASSERT_FALSE(id) << parent;
    EXPECT_EQ(id.error().code, Code::kInvalidArgument);
    EXPECT_THAT(id.error().ToString(),
                AllOf(HasSubstr("config.linux.cgroup_parent"), HasSubstr(parent), HasSubstr(reason)));
    EXPECT_THAT(world_.Leftovers(), IsEmpty());
  }

  World world_;
};

TEST_F(CgroupPlacementTest, TheKubeletLearnsTheDriver) {
  EXPECT_EQ(Driver(), v1::CGROUPFS);
  UseSystemd();
  EXPECT_EQ(Driver(), v1::SYSTEMD);
}

TEST_F(CgroupPlacementTest, EachDriverRefusesTheParentsOfTheOther) {
  ExpectRefused("kubepods-podu_1.slice", "cgroup driver is cgroupfs");
  UseSystemd();
  ExpectRefused("/kubepods/podu-1", "cgroup driver is systemd");
  ExpectRefused("kubepods--podu.slice", "empty part");
}

TEST_F(CgroupPlacementTest, UnderSystemdAContainerIsAScopeInItsPodsSlice) {
  UseSystemd();
  std::string pod = RunBelow("kubepods-podu_1.slice").value();
  std::string container = world_.CreateContainer(pod).value();
  ASSERT_TRUE(world_.StartContainer(container));
  EXPECT_THAT(world_.cgroups.paths(),
              UnorderedElementsAre(std::string(kSlice) + "/davit-" + container + ".scope"));
  ASSERT_TRUE(world_.StopSandbox(pod));
  ASSERT_TRUE(world_.RemoveSandbox(pod));
  EXPECT_THAT(world_.Leftovers(), IsEmpty());
}

TEST_F(CgroupPlacementTest, UnderSystemdAPodWithoutAParentHasASliceOfItsOwn) {
  UseSystemd();
  World::Pod pod = world_.RunPod();
  std::string slice = "/davit.slice/davit-pods.slice/davit-pods-" + pod.sandbox + ".slice";
  EXPECT_THAT(world_.cgroups.paths(),
              UnorderedElementsAre(slice, slice + "/davit-" + pod.container + ".scope"));
  ASSERT_TRUE(world_.StopSandbox(pod.sandbox));
  ASSERT_TRUE(world_.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world_.Leftovers(), IsEmpty());
}

TEST_F(CgroupPlacementTest, APodKeepsItsCgroupsWhenTheDriverChanges) {
  World::Pod pod = world_.RunPod();
  std::string before = "/davit/pods/" + pod.sandbox + "/" + pod.container;
  UseSystemd();
  EXPECT_THAT(world_.cgroups.paths(), Contains(before));
  // A container that is restarted is a new one in the same pod.
  std::string next = world_.CreateContainer(pod.sandbox, "next").value();
  ASSERT_TRUE(world_.StartContainer(next));
  EXPECT_THAT(world_.cgroups.paths(), Contains("/davit/pods/" + pod.sandbox + "/" + next));
  ASSERT_TRUE(world_.StopSandbox(pod.sandbox));
  ASSERT_TRUE(world_.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world_.Leftovers(), IsEmpty());

  pod = world_.RunPod();
  UseCgroupfs();
  next = world_.CreateContainer(pod.sandbox, "next").value();
  ASSERT_TRUE(world_.StartContainer(next));
  ASSERT_TRUE(world_.StopSandbox(pod.sandbox));
  ASSERT_TRUE(world_.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world_.Leftovers(), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
