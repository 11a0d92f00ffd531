// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Sandboxes, RunStopRemoveLeaveNothing) {
  World world;
  std::string id = world.RunSandbox().value();
  EXPECT_EQ(world.SandboxStatusOf(id).state(), v1::SANDBOX_READY);
  EXPECT_EQ(world.SandboxStatusOf(id).network().ip(), "192.0.2.1");
  ASSERT_TRUE(world.StopSandbox(id));
  EXPECT_EQ(world.SandboxStatusOf(id).state(), v1::SANDBOX_NOTREADY);
  ASSERT_TRUE(world.RemoveSandbox(id));
  EXPECT_THAT(world.Leftovers(), IsEmpty());
  EXPECT_THAT(world.Listed(), IsEmpty());
}

class AFailedRun : public ::testing::TestWithParam<Failure> {};
INSTANTIATE_TEST_SUITE_P(By, AFailedRun, ::testing::Values(Failure::kError, Failure::kException));

TEST_P(AFailedRun, ThatCannotBeUndoneLeavesItListedNotReadyAndRemovable) {
  for (const char* stuck : {"network.Detach", "cgroups.Remove", "records.DeleteSandbox"}) {
    SCOPED_TRACE(stuck);
    World world;
    world.steps.FailBy(GetParam());
    world.steps.Fail("cgroups.Create");
    world.steps.Fail(stuck);
    EXPECT_FALSE(world.RunSandbox());
    std::vector<std::string> listed = world.Listed();
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(world.SandboxStatusOf(listed[0]).state(), v1::SANDBOX_NOTREADY);
    EXPECT_THAT(world.ReasonOf(listed[0]), HasSubstr("cgroups.Create")) << "why it failed";
    EXPECT_EQ(world.RunSandbox().error().code, Code::kAlreadyExists) << "what is left keeps the name";
    ASSERT_TRUE(world.StopSandbox(listed[0]));
    ASSERT_TRUE(world.RemoveSandbox(listed[0]));
    EXPECT_THAT(world.Leftovers(), IsEmpty());
  }
}

TEST(Sandboxes, AFailureAfterTheNetworkWasMadeDetachesWhatWasMade) {
  for (const char* failed : {"network.WriteSysctls", "cgroups.Create"}) {
    SCOPED_TRACE(failed);
    World world;
    world.steps.Fail(failed);
    EXPECT_FALSE(world.RunSandbox());
    EXPECT_THAT(world.steps.taken(), Contains("network.Detach"));
    EXPECT_TRUE(world.network.detached_interface()) << "host ports are closed by the interface's record";
  }
}

TEST(Sandboxes, PluginsGetTheResultOfAnAttachThatFailedAfterThem) {
  for (Failure failure : {Failure::kError, Failure::kException}) {
    World world;
    world.network.UsePlugins();
    world.steps.FailBy(failure);
    world.steps.Fail("network.WriteSysctls");
    EXPECT_FALSE(world.RunSandbox());
    EXPECT_THAT(world.Leftovers(), IsEmpty());
  }
}

TEST(Sandboxes, ARetryJoinsTheRunInFlightAndGetsItsSandbox) {
  World world;
  std::string first = world.RunSandbox().value();
  EXPECT_EQ(world.RunSandbox().value(), first);
  EXPECT_EQ(world.runtime().sandboxes().List({}).value().size(), 1u);
}

TEST(Sandboxes, ACallThatJoinedARunGetsItsError) {
  for (const char* failed : {"shims.Take", "records.PutSandbox", "network.Attach"}) {
    SCOPED_TRACE(failed);
    World world;
    std::future<Result<std::string>> joined;
    world.steps.Fail(failed, /*times=*/2,
                     Code::kUnavailable);  // twice: for a call that comes too late to join
    world.steps.During(failed, [&] {
      joined = std::async(std::launch::async, [&] { return world.RunSandbox(); });
      joined.wait_for(std::chrono::milliseconds(50));
    });
    EXPECT_EQ(world.RunSandbox().error().code, Code::kUnavailable);
    EXPECT_EQ(joined.get().error().code, Code::kUnavailable);
  }
}

TEST(Sandboxes, AShimThatDiesBeforeReadyFailsTheRun) {
  World world;
  world.network.OnAttach([&](const std::string& id) { world.shims.Die(id); });
  Result<std::string> ran = world.RunSandbox();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kUnavailable);
  EXPECT_THAT(world.Leftovers(), IsEmpty());
}

TEST(Sandboxes, AShimThatDiesMakesThePodNotReadyAndItsContainersUnknown) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.Die(pod.sandbox);
  ASSERT_TRUE(
      world.Eventually([&] { return world.StatusOf(pod.container).state() == v1::CONTAINER_EXITED; }));
  EXPECT_EQ(world.StatusOf(pod.container).exit_code(), 255);
  EXPECT_EQ(world.StatusOf(pod.container).reason(), "Unknown");
  EXPECT_EQ(world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_NOTREADY);
  ASSERT_TRUE(world.RemoveSandbox(pod.sandbox));
  EXPECT_THAT(world.Leftovers(), IsEmpty());
}

TEST(Sandboxes, ASandboxThatFailsIsNotReadyAndItsWatchersSeeItStop) {
  World world;
  World::Pod pod = world.RunPod();
  auto watcher = world.runtime().announcer().Watch(/*on_news=*/[] {}, /*cut_off=*/[] {});
  world.shims.FailSandbox(pod.sandbox, "the pod's PID 1 died");
  Result<EventFeed::Event> event = EventFeed::Event();
  ASSERT_TRUE(world.Eventually([&] { return !(event = watcher->Next()) || *event; }));
  ASSERT_TRUE(event);
  EXPECT_EQ((*event)->container_id(), pod.sandbox);
  EXPECT_EQ((*event)->container_event_type(), v1::CONTAINER_STOPPED_EVENT);
  EXPECT_EQ(world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_NOTREADY);
  EXPECT_FALSE(world.CreateContainer(pod.sandbox, "another"));
}

TEST(Sandboxes, StopKillsAContainerThatIsStartingAndKeepsItsExitCode) {
  World world;
  std::string sandbox = world.RunSandbox().value();
  std::string container = world.CreateContainer(sandbox).value();
  std::promise<void> release;
  world.steps.During("shim.StartContainer", [&] { release.get_future().wait(); });
  std::thread start([&] { EXPECT_TRUE(world.StartContainer(container)); });
  auto has = [](const std::vector<std::string>& list, const char* item) {
    return std::ranges::find(list, item) != list.end();
  };
  EXPECT_TRUE(world.Eventually([&] { return has(world.steps.taken(), "shim.StartContainer"); }));
  std::thread stop([&] { EXPECT_TRUE(world.StopSandbox(sandbox)); });
  // The shim does not have the container yet, so this kill finds nothing.
  EXPECT_TRUE(world.Eventually([&] { return has(world.shims.LogOf(sandbox), "KillContainer"); }));
  release.set_value();
  start.join();
  stop.join();
  EXPECT_EQ(world.StatusOf(container).exit_code(), 137);
  EXPECT_EQ(world.StatusOf(container).reason(), "Error");
}

TEST(Sandboxes, AHungShimDoesNotKeepAPodFromBeingRemoved) {
  World world;
  std::string id = world.RunSandbox().value();
  world.shims.SetMood(id, ShimMood::kSilent);
  EXPECT_TRUE(world.RemoveSandbox(id));
  EXPECT_THAT(world.Leftovers(), IsEmpty());
}

TEST(Sandboxes, WhatANetworkLeavesOverDoesNotKeepThePod) {
  World world;
  std::string id = world.RunSandbox().value();
  world.network.LeaveOver({Code::kNotFound, 0, "find plugin", "calico", ""});
  EXPECT_TRUE(world.RemoveSandbox(id));
  EXPECT_THAT(world.Leftovers(), IsEmpty());
}

Result<v1::RunPodSandboxResponse> RunWith(World& world, const v1::RunPodSandboxRequest& request) {
  Call call{MonotonicMilliseconds() + 10'000, {}};
  return world.runtime().sandboxes().Run(request, call);
}

TEST(Sandboxes, AHandlerRunsPodsOnceItIsConfigured) {
  World world;
  v1::RunPodSandboxRequest request = world.SandboxRequest();
  request.set_runtime_handler("runc");
  EXPECT_EQ(RunWith(world, request).error().code, Code::kNotFound);

  world.config().handlers["runc"] = {};
  std::string id = RunWith(world, request).value().pod_sandbox_id();
  EXPECT_EQ(world.SandboxStatusOf(id).runtime_handler(), "runc");
  Call call{MonotonicMilliseconds() + 1'000, {}};
  v1::StatusResponse status = world.runtime().node().Status({}, call).value();
  ASSERT_EQ(status.runtime_handlers_size(), 2);
  EXPECT_EQ(status.runtime_handlers(0).name(), "");
  EXPECT_EQ(status.runtime_handlers(1).name(), "runc");
  EXPECT_EQ(status.runtime_handlers(0).features().SerializeAsString(),
            status.runtime_handlers(1).features().SerializeAsString());
}

TEST(Sandboxes, ARunWithAnotherHandlerDoesNotJoin) {
  World world;
  world.config().handlers["runc"] = {};
  ASSERT_TRUE(world.RunSandbox());
  v1::RunPodSandboxRequest request = world.SandboxRequest();
  request.set_runtime_handler("runc");
  for (bool restarted : {false, true}) {
    Result<v1::RunPodSandboxResponse> other = RunWith(world, request);
    ASSERT_FALSE(other) << restarted;
    EXPECT_EQ(other.error().code, Code::kAlreadyExists);
    world.Restart();
    ASSERT_TRUE(world.Recover());
  }
}

TEST(Sandboxes, ContainersOfACgroupParentInAnySpellingLieInTheSameCgroup) {
  for (const char* parent : {"/kubepods/pod1/", "//kubepods//pod1", "kubepods/pod1"}) {
    World world;
    v1::RunPodSandboxRequest request = world.SandboxRequest();
    request.mutable_config()->mutable_linux()->set_cgroup_parent(parent);
    std::string sandbox = RunWith(world, request).value().pod_sandbox_id();
    std::string container = world.CreateContainer(sandbox).value();
    ASSERT_TRUE(world.StartContainer(container));
    EXPECT_THAT(world.cgroups.paths(), ElementsAre("/kubepods/pod1/" + container)) << parent;
    ASSERT_TRUE(world.StopSandbox(sandbox));
    ASSERT_TRUE(world.RemoveSandbox(sandbox));
    EXPECT_THAT(world.Leftovers(), IsEmpty());
  }
}

TEST(Sandboxes, StatusHasTheContainersAndNoTimestamp) {
  World world;
  World::Pod pod = world.RunPod();
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(pod.sandbox);
  Call call{MonotonicMilliseconds() + 1'000, {}};
  v1::PodSandboxStatusResponse status = world.runtime().sandboxes().Status(request, call).value();
  ASSERT_EQ(status.containers_statuses_size(), 1);
  EXPECT_EQ(status.containers_statuses(0).id(), pod.container);
  EXPECT_EQ(status.containers_statuses(0).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(status.timestamp(), 0) << "the kubelet would run the init containers again";
}

TEST(Sandboxes, StatusHasTheNewestContainerFirst) {
  World world;
  World::Pod pod = world.RunPod();
  std::string newer = world.CreateContainer(pod.sandbox, "newer").value();
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(pod.sandbox);
  Call call{MonotonicMilliseconds() + 1'000, {}};
  v1::PodSandboxStatusResponse status = world.runtime().sandboxes().Status(request, call).value();
  ASSERT_EQ(status.containers_statuses_size(), 2);
  EXPECT_EQ(status.containers_statuses(0).id(), newer);
}

TEST(Sandboxes, UpdateWritesThePodsCgroupOnlyWhileItIsReady) {
  World world;
  std::string id = world.RunSandbox().value();
  v1::UpdatePodSandboxResourcesRequest request;
  request.set_pod_sandbox_id(id);
  request.mutable_resources()->set_cpu_shares(512);
  Call call{MonotonicMilliseconds() + 1'000, {}};
  ASSERT_TRUE(world.runtime().sandboxes().UpdateResources(request, call));
  EXPECT_EQ(world.cgroups.updates("/davit/pods/" + id), 1);
  ASSERT_TRUE(world.StopSandbox(id));
  EXPECT_EQ(world.runtime().sandboxes().UpdateResources(request, call).error().code,
            Code::kFailedPrecondition);
}

}  // namespace
}  // namespace davit::cri
