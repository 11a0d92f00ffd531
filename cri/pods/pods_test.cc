// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gtest/gtest.h>

#include <thread>

#include "base/codec.h"
#include "cri/pods/names.h"
#include "cri/pods/pod_table.h"
#include "cri/pods/testing/written_at_once.h"

namespace davit::cri {
namespace {

SandboxPtr MakeSandbox(const std::string& id, SandboxPhase phase, Owner owner = Owner::kCri) {
  SandboxRecord record;
  record.id = id;
  record.phase = phase;
  record.owner = owner;
  return std::make_shared<Sandbox>(
      record, std::make_shared<runtime::v1::PodSandboxConfig>(),
      WrittenAtOnce<SandboxRecord>([](const SandboxRecord&) { return Result<>{}; }));
}

ContainerPtr MakeContainer(const std::string& id, SandboxPtr sandbox) {
  ContainerRecord record;
  record.id = id;
  return std::make_shared<Container>(
      record, std::make_shared<runtime::v1::ContainerConfig>(), std::move(sandbox), images::LayerHold(),
      WrittenAtOnce<ContainerRecord>([](const ContainerRecord&) { return Result<>{}; }));
}

TEST(PodTable, FindsByUniquePrefixOnly) {
  PodTable table;
  table.AddSandbox(MakeSandbox("abc1", SandboxPhase::kReady));
  table.AddSandbox(MakeSandbox("abd2", SandboxPhase::kReady));
  EXPECT_EQ((*table.FindSandbox("abc"))->id(), "abc1");
  EXPECT_EQ(table.FindSandbox("ab").error().code, Code::kInvalidArgument);
  EXPECT_EQ(table.FindSandbox("x").error().code, Code::kNotFound);
  EXPECT_EQ(table.FindSandbox("").error().code, Code::kInvalidArgument);
}

TEST(PodTable, ShowsARequestOnlyWhatItsOwnerHas) {
  PodTable table;
  SandboxPtr of_cri = MakeSandbox("abc1", SandboxPhase::kReady);
  SandboxPtr local = MakeSandbox("abc2", SandboxPhase::kReady, Owner::kLocal);
  for (const SandboxPtr& sandbox : {of_cri, local}) {
    table.AddSandbox(sandbox);
    ASSERT_TRUE(table.AddContainer(MakeContainer("c" + sandbox->id(), sandbox)));
  }
  EXPECT_EQ(*table.FindSandbox("abc", Owner::kCri), of_cri) << "the other one makes it no less unique";
  EXPECT_EQ(*table.FindSandbox("a", Owner::kLocal), local);
  EXPECT_EQ(table.FindSandbox("abc2", Owner::kCri).error().code, Code::kNotFound);
  EXPECT_EQ(table.FindContainer("cabc1", Owner::kLocal).error().code, Code::kNotFound);
  EXPECT_EQ((*table.FindContainer("c", Owner::kLocal))->id(), "cabc2");
  EXPECT_EQ(table.Sandboxes(Owner::kLocal), std::vector{local});
  EXPECT_EQ(table.Containers(Owner::kCri).size(), 1u);
  EXPECT_EQ(table.Sandboxes().size(), 2u);
  EXPECT_EQ((*table.FindSandbox("abc2"))->owner(), Owner::kLocal) << "the daemon itself finds all";
}

TEST(PodTable, NoContainerJoinsASandboxThatIsStopping) {
  PodTable table;
  auto sandbox = MakeSandbox("s", SandboxPhase::kReady);
  table.AddSandbox(sandbox);
  EXPECT_TRUE(table.AddContainer(MakeContainer("c1", sandbox)));
  ASSERT_TRUE(sandbox->record().Change([](SandboxRecord& r) { phases::BeginStop(r); }));
  EXPECT_EQ(table.AddContainer(MakeContainer("c2", sandbox)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(table.ContainersOf("s").size(), 1u);
}

// After a restart a READY sandbox has no shim until that is met.
TEST(Sandbox, ThatHasNoShimGivesAnErrorInItsPlace) {
  Result<ShimPtr> shim = MakeSandbox("s", SandboxPhase::kReady)->LiveShim();
  ASSERT_FALSE(shim);
  EXPECT_EQ(shim.error().code, Code::kUnavailable);
}

TEST(PodRecords, RoundTrip) {
  ContainerRecord record;
  record.id = "c";
  record.phase = ContainerPhase::kExited;
  record.groups = {1, 2};
  auto back = Decode<ContainerRecord>(Encode(record), "container");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->phase, ContainerPhase::kExited);
  EXPECT_EQ(back->groups, record.groups);
}

TEST(FingerprintOf, DoesNotDependOnTheOrderOfInsertion) {
  runtime::v1::PodSandboxConfig a;
  runtime::v1::PodSandboxConfig b;
  for (int i = 0; i < 50; ++i) (*a.mutable_labels())["k" + std::to_string(i)] = "v";
  for (int i = 49; i >= 0; --i) (*b.mutable_labels())["k" + std::to_string(i)] = "v";
  EXPECT_EQ(FingerprintOf(a), FingerprintOf(b));
  (*b.mutable_labels())["k0"] = "w";
  EXPECT_NE(FingerprintOf(a), FingerprintOf(b));
}

}  // namespace
}  // namespace davit::cri
