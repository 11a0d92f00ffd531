// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <set>
#include <thread>

#include "base/codec.h"
#include "base/time.h"
#include "cri/pods/pod_records.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;

TEST(Containers, CreateStartStopRemoveLeaveOnlyThePod) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::vector<std::string> before = world.Leftovers();
  std::string id = world.CreateContainer(sandbox).value();
  EXPECT_EQ(world.StatusOf(id).state(), v1::CONTAINER_CREATED);
  ASSERT_TRUE(world.StartContainer(id));
  EXPECT_EQ(world.StatusOf(id).state(), v1::CONTAINER_RUNNING);
  ASSERT_TRUE(world.StopContainer(id));
  EXPECT_EQ(world.StatusOf(id).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(world.StatusOf(id).exit_code(), 137);
  ASSERT_TRUE(world.RemoveContainer(id));
  EXPECT_TRUE(world.Eventually([&] { return world.Leftovers() == before; }))
      << ::testing::PrintToString(world.Leftovers());
}

TEST(Containers, TwoRemovalsAtOnceAnnounceOneDeletion) {
  World world;
  World::Pod pod = world.RunPod();
  ASSERT_TRUE(world.StopContainer(pod.container));
  auto watcher = world.runtime().announcer().Watch(/*on_news=*/[] {}, /*cut_off=*/[] {});
  world.steps.During("snapshots.RemoveContainer", [&] { EXPECT_TRUE(world.RemoveContainer(pod.container)); });
  EXPECT_TRUE(world.RemoveContainer(pod.container));
  std::vector<v1::ContainerEventType> events;
  for (auto event = watcher->Next(); event && *event != nullptr; event = watcher->Next())
    events.push_back((*event)->container_event_type());
  EXPECT_THAT(events, ElementsAre(v1::CONTAINER_DELETED_EVENT));
}

TEST(Containers, ARetriedCreateGetsTheSameContainer) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string first = world.CreateContainer(sandbox).value();
  EXPECT_EQ(world.CreateContainer(sandbox).value(), first);
  ASSERT_TRUE(world.StartContainer(first));
  EXPECT_EQ(world.CreateContainer(sandbox).error().code, Code::kAlreadyExists) << "it has been started";
}

TEST(Containers, EveryRowHasTheConfiguration) {
  World world;
  World::Pod pod = world.RunPod();
  auto name_in_row = [&world] {
    ContainerRecord record =
        Decode<ContainerRecord>(world.records.Containers().value().at(0).blob, "row").value();
    v1::ContainerConfig config;
    EXPECT_TRUE(config.ParseFromString(record.config));
    return config.metadata().name();
  };
  EXPECT_EQ(name_in_row(), "app") << "written by the start";
  world.Restart();
  ASSERT_TRUE(world.Recover());
  world.shims.Exit(pod.sandbox, pod.container, 3);
  EXPECT_TRUE(world.Eventually([&] { return world.shims.exit_records().empty(); }));
  EXPECT_EQ(name_in_row(), "app") << "written after a restart";
  EXPECT_EQ(world.StatusOf(pod.container).metadata().name(), "app");
}

// Bytes in use by malloc, of all threads; 0 under a sanitizer, which has a heap of its own.
int64_t HeapInUse() {
  struct mallinfo2 heap = mallinfo2();
  return static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

// Besides the rows, which the fake store has in memory.
TEST(Containers, ALargeConfigurationIsHeldOnce) {
  constexpr int kContainers = 50;
  World world;
  std::string sandbox = world.RunSandbox().value();
  v1::CreateContainerRequest request = world.ContainerRequest(sandbox);
  for (int i = 0; i < 150; ++i)
    (*request.mutable_config()->mutable_annotations())["large-" + std::to_string(i)] =
        std::string(1'000, 'x');
  const auto size = static_cast<int64_t>(request.config().SpaceUsedLong());
  const int64_t before = HeapInUse();
  for (int i = 0; i < kContainers; ++i) {
    request.mutable_config()->mutable_metadata()->set_name("app-" + std::to_string(i));
    Call call{MonotonicMilliseconds() + 60'000, {}};
    ASSERT_TRUE(world.runtime().containers().Create(request, call));
  }
  int64_t growth = HeapInUse() - before;
  const std::vector<ContainerRow> rows = world.records.Containers().value();
  for (const ContainerRow& row : rows) growth -= static_cast<int64_t>(row.blob.size());
  EXPECT_LT(growth, kContainers * size * 3 / 2);
}

TEST(Containers, OnlyOneOfManyStartsStartsIt) {
  World world;
  std::string id = world.CreateContainer(world.RunSandbox().value()).value();
  std::vector<std::thread> starts;
  std::atomic<int> succeeded = 0;
  for (int i = 0; i < 4; ++i) starts.emplace_back([&] { succeeded += world.StartContainer(id).has_value(); });
  for (std::thread& start : starts) start.join();
  EXPECT_GE(succeeded, 1);
  std::vector<std::string> taken = world.steps.taken();
  EXPECT_EQ(std::count(taken.begin(), taken.end(), "shim.StartContainer"), 1);
  EXPECT_EQ(world.StartContainer(id).error().code, Code::kFailedPrecondition);
}

TEST(Containers, NoContainerIsCreatedInASandboxThatIsNotReady) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  ASSERT_TRUE(world.StopSandbox(sandbox));
  EXPECT_EQ(world.CreateContainer(sandbox).error().code, Code::kFailedPrecondition);
}

TEST(Containers, AStartInASandboxWhoseShimIsDeadIsAStartError) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string id = world.CreateContainer(sandbox).value();
  world.shims.Die(sandbox);
  EXPECT_FALSE(world.StartContainer(id));
  EXPECT_EQ(world.StatusOf(id).reason(), "StartError");
}

TEST(Containers, AnExitIsRecordedAndItsRecordRemovedAfterwards) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.Exit(pod.sandbox, pod.container, 3);
  EXPECT_TRUE(world.Eventually([&] { return world.shims.exit_records().empty(); }));
  EXPECT_EQ(world.StatusOf(pod.container).exit_code(), 3);
  EXPECT_EQ(world.StatusOf(pod.container).reason(), "Error");
}

TEST(Containers, AnExitThatCannotBeRecordedKeepsTheShimsRecord) {
  World world;
  World::Pod pod = world.RunPod();
  world.steps.Fail("records.QueueContainer");
  world.shims.Exit(pod.sandbox, pod.container, 3);
  EXPECT_TRUE(
      world.Eventually([&] { return world.StatusOf(pod.container).state() == v1::CONTAINER_EXITED; }));
  EXPECT_FALSE(world.shims.exit_records().empty()) << "the next daemon reads it";
}

TEST(Containers, StopOfWhatNobodyKnowsOrNeverRanSucceeds) {
  World world;
  EXPECT_TRUE(world.StopContainer("0123456789abcdef"));
  EXPECT_TRUE(world.RemoveContainer("0123456789abcdef"));
  std::string id = world.CreateContainer(world.RunSandbox().value()).value();
  EXPECT_TRUE(world.StopContainer(id));
  EXPECT_EQ(world.StatusOf(id).state(), v1::CONTAINER_CREATED);
}

TEST(Containers, AnUpdateOfACreatedContainerChangesOnlyItsPlan) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string id = world.CreateContainer(sandbox).value();
  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(id);
  request.mutable_linux()->set_cpu_shares(512);
  Call call{MonotonicMilliseconds() + 10'000, {}};
  ASSERT_TRUE(world.runtime().containers().UpdateResources(request, call));
  std::string cgroup = "/davit/pods/" + sandbox + "/" + id;
  EXPECT_EQ(world.cgroups.updates(cgroup), 0);
  EXPECT_EQ(world.StatusOf(id).resources().linux().cpu_shares(), 512);
  ASSERT_TRUE(world.StartContainer(id));
  request.mutable_linux()->set_cpu_shares(256);
  ASSERT_TRUE(world.runtime().containers().UpdateResources(request, call));
  EXPECT_EQ(world.cgroups.updates(cgroup), 1);
}

TEST(Containers, AnImageVolumeThatFailsSaysSoToTheKubelet) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  v1::CreateContainerRequest request = world.ContainerRequest(sandbox);
  v1::Mount& mount = *request.mutable_config()->add_mounts();
  mount.set_container_path("/data");
  mount.mutable_image()->set_image("data");
  Call call{MonotonicMilliseconds() + 10'000, {}};
  Error missing = world.runtime().containers().Create(request, call).error();
  EXPECT_EQ(missing.code, Code::kNotFound);
  EXPECT_EQ(missing.reason, Reason::kImageVolumeMountFailed);

  world.images.Add("data");
  std::string id = world.runtime().containers().Create(request, call).value().container_id();
  world.steps.Fail("snapshots.MountImage");
  Result<> started = world.StartContainer(id);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().reason, Reason::kImageVolumeMountFailed);
}

TEST(Containers, ImageVolumesAreHeldAsLongAsTheContainer) {
  World world;
  world.images.Add("data");
  std::string sandbox = world.RunSandbox().value();
  v1::CreateContainerRequest request = world.ContainerRequest(sandbox);
  v1::Mount& mount = *request.mutable_config()->add_mounts();
  mount.set_container_path("/data");
  mount.mutable_image()->set_image("data");
  Call call{MonotonicMilliseconds() + 10'000, {}};
  std::string id = world.runtime().containers().Create(request, call).value().container_id();
  EXPECT_EQ(world.images.held(), (std::multiset<std::string>{"layer-of-data", "layer-of-image"}));
  ASSERT_TRUE(world.RemoveContainer(id));
  EXPECT_TRUE(world.Eventually([&] { return world.images.held().empty(); }));
}

}  // namespace
}  // namespace davit::cri
