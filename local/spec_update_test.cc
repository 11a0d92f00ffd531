// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/spec_update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/codec.h"
#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::HasSubstr;
using Policy = api::RestartPolicy;
using State = api::ContainerState;

constexpr int64_t kMiB = 1 << 20;

TEST(SpecUpdateTest, UpdatesAddUpInTheRecord) {
  api::ContainerSpec spec;
  spec.set_memory_bytes(64 * kMiB);
  spec.mutable_restart()->set_when(Policy::ALWAYS);
  LocalRecord record;
  EXPECT_EQ(SpecInForce(spec, record).SerializeAsString(), spec.SerializeAsString());
  api::ContainerUpdate memory;
  memory.set_memory_bytes(128 * kMiB);
  record.update = AddUpdate(record, memory);
  api::ContainerUpdate policy;
  policy.mutable_restart()->set_when(Policy::ON_FAILURE);
  policy.mutable_restart()->set_max_retries(3);
  record.update = AddUpdate(record, policy);
  api::ContainerUpdate never;
  never.mutable_restart()->set_when(Policy::NEVER);
  never.set_pids_limit(-1);
  record.update = AddUpdate(record, never);
  record = Decode<LocalRecord>(Encode(record), "record").value();
  api::ContainerSpec in_force = SpecInForce(spec, record);
  EXPECT_EQ(in_force.memory_bytes(), 128 * kMiB);
  EXPECT_EQ(in_force.pids_limit(), -1);
  EXPECT_EQ(in_force.restart().when(), Policy::NEVER);
  EXPECT_EQ(in_force.restart().max_retries(), 0u) << "the old policy is gone as a whole";
  EXPECT_EQ(PolicyInForce(spec, record).when(), Policy::NEVER);
}

TEST(SpecUpdateTest, WhatContradictsTheRestIsRefused) {
  api::ContainerSpec spec;
  spec.set_memory_bytes(64 * kMiB);
  spec.set_memory_swap_bytes(100 * kMiB);
  auto refuses = [&](const char* word, const std::function<void(api::ContainerUpdate&)>& change) {
    api::ContainerUpdate update;
    change(update);
    Result<> checked = CheckUpdate(spec, update);
    ASSERT_FALSE(checked) << word;
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
    EXPECT_THAT(checked.error().ToString(), HasSubstr(word));
  };
  refuses("nothing", [](auto&) {});
  refuses("memory_bytes", [](auto& update) { update.set_memory_bytes(1); });
  refuses("memory_swap_bytes", [](auto& update) { update.set_memory_bytes(200 * kMiB); });
  refuses("nano_cpus", [](auto& update) { update.set_nano_cpus(1); });
  refuses("cpu_shares", [](auto& update) { update.set_cpu_shares(1); });
  refuses("pids_limit", [](auto& update) { update.set_pids_limit(-2); });
  refuses("cpuset_cpus", [](auto& update) { update.set_cpuset_cpus(""); });
  spec.set_auto_remove(true);
  refuses("auto_remove", [](auto& update) { update.mutable_restart()->set_when(Policy::ALWAYS); });
  api::ContainerUpdate both;
  both.set_memory_bytes(200 * kMiB);
  both.set_memory_swap_bytes(-1);
  EXPECT_TRUE(CheckUpdate(spec, both));
}

TEST(SpecUpdateTest, ARunningOneLosesLimitsThatAreZero) {
  api::ContainerUpdate update;
  update.set_memory_bytes(0);
  update.set_nano_cpus(0);
  update.set_pids_limit(0);
  update.set_cpu_shares(0);
  auto limits = LimitsOf(update);
  EXPECT_EQ(limits.memory_limit_in_bytes(), -1);
  EXPECT_EQ(limits.memory_swap_limit_in_bytes(), 0) << "not set";
  EXPECT_EQ(limits.cpu_quota(), -1);
  EXPECT_EQ(limits.cpu_shares(), 1024);
  EXPECT_EQ(limits.unified().at("pids.max"), "max");
  update.set_nano_cpus(500'000'000);
  update.set_pids_limit(9);
  EXPECT_EQ(LimitsOf(update).cpu_quota(), 50'000);
  EXPECT_EQ(LimitsOf(update).unified().at("pids.max"), "9");
  EXPECT_EQ(LimitsOf(api::ContainerUpdate()).ByteSizeLong(), 0u);
}

class UpdateTest : public ::testing::Test {
 protected:
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }
  static api::ContainerUpdate Memory(int64_t bytes) {
    api::ContainerUpdate update;
    update.set_memory_bytes(bytes);
    return update;
  }
  static api::ContainerUpdate Restart(Policy::When when) {
    api::ContainerUpdate update;
    update.mutable_restart()->set_when(when);
    return update;
  }
  int CgroupUpdates() {
    int sum = 0;
    for (const std::string& path : w_.world.cgroups.paths()) sum += w_.world.cgroups.updates(path);
    return sum;
  }

  LocalWorld w_;
};

TEST_F(UpdateTest, ChangesARunAtOnceAndAllLaterOnes) {
  w_.RunContainer("web");
  ASSERT_TRUE(local().Update("web", Memory(64 * kMiB), Deadline()));
  EXPECT_EQ(CgroupUpdates(), 1);
  EXPECT_EQ(local().Inspect("web")->spec().memory_bytes(), 64 * kMiB);
  w_.Restart();
  EXPECT_EQ(local().Inspect("web")->spec().memory_bytes(), 64 * kMiB);
  ASSERT_TRUE(local().Restart("web", 0, Deadline()));
  std::string id = local().Inspect("web")->id();
  ::runtime::v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(w_.PodsOf(id).at(0).id());
  auto containers = w_.world.runtime().containers().List(filter, cri::Owner::kLocal).value();
  w_.world.ActFor(cri::Owner::kLocal);
  EXPECT_EQ(w_.world.StatusOf(containers.at(0).id()).resources().linux().memory_limit_in_bytes(), 64 * kMiB);
}

TEST_F(UpdateTest, WhatTheKernelRefusesIsNotRecorded) {
  w_.RunContainer("web");
  w_.world.steps.Fail("cgroups.Update", 1, Code::kFailedPrecondition);
  EXPECT_EQ(local().Update("web", Memory(64 * kMiB), Deadline()).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(local().Inspect("web")->spec().memory_bytes(), 0);
  ASSERT_TRUE(local().Update("web", Restart(Policy::ALWAYS), Deadline()));
  EXPECT_EQ(CgroupUpdates(), 0) << "there are no limits in it";
}

TEST_F(UpdateTest, OneThatDoesNotRunIsUpdatedForItsNextRun) {
  ASSERT_TRUE(local().Create("web", LocalWorld::Spec()));
  ASSERT_TRUE(local().Update("web", Memory(64 * kMiB), Deadline()));
  EXPECT_EQ(CgroupUpdates(), 0);
  EXPECT_EQ(local().Inspect("web")->spec().memory_bytes(), 64 * kMiB);
  EXPECT_EQ(local().Update("nobody", Memory(64 * kMiB), Deadline()).error().code, Code::kNotFound);
}

TEST_F(UpdateTest, ANewPolicyHoldsForTheNextEnd) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(local().Update("web", Restart(Policy::ALWAYS), Deadline()));
  w_.Exit(id, 0);
  ASSERT_TRUE(w_.world.Eventually(
      [&] { return w_.StateOf("web").restart_count() == 1 && w_.HasStatus("web", State::RUNNING); }));
  w_.Restart();
  ASSERT_TRUE(local().Update("web", Restart(Policy::NEVER), Deadline()));
  w_.Exit(id, 0);
  EXPECT_TRUE(w_.Becomes("web", State::EXITED));
}

TEST_F(UpdateTest, ARestartThatNobodyWantsAnyMoreIsCancelled) {
  std::string id = w_.RunContainer("web", LocalWorld::Spec(Policy::ALWAYS));
  w_.world.steps.Fail("shim.StartSandbox", 1000);  // so that it never starts
  w_.Exit(id, 1);
  ASSERT_TRUE(w_.Becomes("web", State::RESTARTING));
  ASSERT_TRUE(w_.world.Eventually(
      [&] { return local().Update("web", Restart(Policy::NEVER), Deadline()).has_value(); }));
  EXPECT_TRUE(w_.Becomes("web", State::EXITED));
}

}  // namespace
}  // namespace davit::local
