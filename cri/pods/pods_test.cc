// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gtest/gtest.h>

#include <thread>

#include "base/codec.h"
#include "cri/pods/name_table.h"
#include "cri/pods/pod_table.h"

namespace davit {
namespace {

SandboxPtr MakeSandbox(const std::string& id, SandboxPhase phase) {
  SandboxRecord record;
  record.id = id;
  record.phase = phase;
  return std::make_shared<Sandbox>(record, runtime::v1::PodSandboxConfig(),
                                   [](const SandboxRecord&) { return Result<>{}; });
}

ContainerPtr MakeContainer(const std::string& id, SandboxPtr sandbox) {
  ContainerRecord record;
  record.id = id;
  return std::make_shared<Container>(record, runtime::v1::ContainerConfig(), std::move(sandbox),
                                     [](const ContainerRecord&) { return Result<>{}; });
}

TEST(NameTable, ARetryInFlightGetsTheFirstOnesId) {
  NameTable names;
  auto first = names.Take("web", "config");
  auto retry = names.Take("web", "config");
  ASSERT_TRUE(first && retry);
  EXPECT_TRUE(first->owner);
  EXPECT_FALSE(retry->owner);
  names.Settle("web", std::string("id1"));
  EXPECT_EQ(*retry->outcome.get(), "id1");
  EXPECT_EQ(*names.Take("web", "config")->outcome.get(), "id1");
}

TEST(NameTable, AnotherConfigurationIsToldWhoHoldsTheName) {
  NameTable names;
  ASSERT_TRUE(names.Take("web", "config"));
  names.Settle("web", std::string("id1"));
  auto other = names.Take("web", "different");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kAlreadyExists);
  EXPECT_NE(other.error().ToString().find("id1"), std::string::npos);
}

TEST(NameTable, AFailureFreesTheNameAndReachesWhoJoined) {
  NameTable names;
  ASSERT_TRUE(names.Take("web", "config"));
  auto joined = names.Take("web", "config");
  names.Settle("web", Fail(Code::kInternal, "start", "shim"));
  EXPECT_FALSE(joined->outcome.get());
  EXPECT_TRUE(names.Take("web", "different")->owner);
}

TEST(NameTable, IsReleasedByItsHolderOnly) {
  NameTable names;
  ASSERT_TRUE(names.Take("web", "config"));
  names.Settle("web", std::string("id2"));
  names.Release("web", "id1");
  EXPECT_FALSE(names.Take("web", "different"));
  names.Release("web", "id2");
  EXPECT_TRUE(names.Take("web", "config")->owner);
}

TEST(NameTable, AReleaseDuringTheWorkLeavesTheClaimToItsOwner) {
  NameTable names;
  ASSERT_TRUE(names.Take("web", "config"));
  auto joined = names.Take("web", "config");
  names.Release("web", "id1");
  EXPECT_FALSE(names.Take("web", "config")->owner);
  names.Settle("web", Fail(Code::kInternal, "start", "shim"));
  EXPECT_EQ(joined->outcome.get().error().code, Code::kInternal);
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

TEST(PodTable, NoContainerJoinsASandboxThatIsStopping) {
  PodTable table;
  auto sandbox = MakeSandbox("s", SandboxPhase::kReady);
  table.AddSandbox(sandbox);
  EXPECT_TRUE(table.AddContainer(MakeContainer("c1", sandbox)));
  ASSERT_TRUE(sandbox->record().Change([](SandboxRecord& r) { r.phase = SandboxPhase::kNotReady; }));
  EXPECT_EQ(table.AddContainer(MakeContainer("c2", sandbox)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(table.ContainersOf("s").size(), 1u);
}

TEST(Persisted, WaitersSeeAChangeAndTheWriterGetsTheNewestValue) {
  int written = 0;
  Persisted<ContainerRecord> record({}, [&written](const ContainerRecord& r) {
    written = r.exit_code;
    return Result<>{};
  });
  std::thread writer([&] { EXPECT_TRUE(record.Change([](ContainerRecord& r) { r.exit_code = 7; })); });
  EXPECT_TRUE(record.WaitUntil([](const ContainerRecord& r) { return r.exit_code == 7; },
                               MonotonicMilliseconds() + 60'000));
  writer.join();
  EXPECT_EQ(written, 7);
  EXPECT_FALSE(
      record.WaitUntil([](const ContainerRecord& r) { return r.exit_code == 8; }, MonotonicMilliseconds()));
}

TEST(Persisted, ARefusedChangeIsNotWritten) {
  int writes = 0;
  Persisted<ContainerRecord> record({}, [&writes](const ContainerRecord&) {
    ++writes;
    return Result<>{};
  });
  ASSERT_TRUE(record.TryChange([](ContainerRecord&) { return false; }));
  EXPECT_EQ(writes, 0);
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

TEST(SerializeDeterministically, DoesNotDependOnTheOrderOfInsertion) {
  runtime::v1::PodSandboxConfig a;
  runtime::v1::PodSandboxConfig b;
  for (int i = 0; i < 50; ++i) (*a.mutable_labels())["k" + std::to_string(i)] = "v";
  for (int i = 49; i >= 0; --i) (*b.mutable_labels())["k" + std::to_string(i)] = "v";
  EXPECT_EQ(SerializeDeterministically(a), SerializeDeterministically(b));
}

}  // namespace
}  // namespace davit
