// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "cri/testing/busy_workers.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

Call NewCall() {
  return Call{MonotonicMilliseconds() + 60'000, {}};
}

v1::ExecSyncRequest TrueIn(const std::string& container) {
  v1::ExecSyncRequest request;
  request.set_container_id(container);
  request.add_cmd("/bin/true");
  return request;
}

// An ExecSync that is waited for.
Result<v1::ExecSyncResponse> RunSync(World& world, const v1::ExecSyncRequest& request, Call& call,
                                     std::stop_token gone = {}) {
  std::promise<Result<v1::ExecSyncResponse>> done;
  world.runtime().execs().RunSync(request, call, std::move(gone),
                                  [&done](auto result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

streaming::ExecOrder ExecIn(const std::string& container) {
  return streaming::ExecOrder{
      container, {"/bin/sh"}, streaming::StreamSet{.in = true, .out = true, .err = true, .terminal = false}};
}

template <typename T>
T Await(std::future<T> future) {
  EXPECT_EQ(future.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  return future.get();
}

TEST(Execs, ExecSyncHasOutputAndCode) {
  World world;
  World::Pod pod = world.RunPod();
  Call call = NewCall();
  v1::ExecSyncResponse response = RunSync(world, TrueIn(pod.container), call).value();
  EXPECT_EQ(response.stdout(), "out");
  EXPECT_EQ(response.stderr(), "err");
  EXPECT_EQ(response.exit_code(), 7);
}

TEST(Execs, AHangingCommandEndsAtTheDeadlineWithoutAWaitingThread) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.HangExecs();
  std::promise<Result<v1::ExecSyncResponse>> done;
  Call call{MonotonicMilliseconds() + 1'000, {}};
  world.runtime().execs().RunSync(TrueIn(pod.container), call, {},
                                  [&done](auto result) { done.set_value(std::move(result)); });
  EXPECT_LT(MonotonicMilliseconds(), call.deadline_ms) << "the caller has its thread back before";
  EXPECT_EQ(Await(done.get_future()).error().code, Code::kDeadlineExceeded);
}

TEST(Execs, AHangingCommandNeedsNoThreadThatCleansUpAfterContainers) {
  std::promise<Result<v1::ExecSyncResponse>> done;  // these outlive the world's threads
  Call call{MonotonicMilliseconds() + 1'000, {}};
  World world;
  World::Pod pod = world.RunPod();
  BusyWorkers workers(world, pod.sandbox);
  world.shims.HangExecs();
  world.runtime().execs().RunSync(TrueIn(pod.container), call, {},
                                  [&done](auto result) { done.set_value(std::move(result)); });
  auto answer = done.get_future();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(answer.get().error().code, Code::kDeadlineExceeded);
}

TEST(Execs, AHangingCommandEndsWhenNobodyWaitsForIt) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.HangExecs();
  std::stop_source client;
  client.request_stop();
  Call call = NewCall();
  EXPECT_EQ(RunSync(world, TrueIn(pod.container), call, client.get_token()).error().code, Code::kCancelled);
}

TEST(Execs, NothingIsRunInAContainerThatDoesNotRun) {
  World world;
  std::string id = world.CreateContainer(world.RunSandbox().value()).value();
  Call call = NewCall();
  EXPECT_EQ(RunSync(world, TrueIn(id), call).error().code, Code::kFailedPrecondition);
  v1::ExecRequest request;
  request.set_container_id(id);
  request.add_cmd("sh");
  request.set_stdout(true);
  EXPECT_EQ(world.runtime().execs().OrderExec(request).error().code, Code::kFailedPrecondition);
}

TEST(Execs, AStreamedExecHasStreamsAndThenItsCode) {
  World world;
  World::Pod pod = world.RunPod();
  std::promise<Result<streaming::ProcessStreams>> streams;
  std::promise<std::optional<int>> exit;
  world.runtime().execs().StreamExec(
      ExecIn(pod.container), [&](Result<streaming::ProcessStreams> s) { streams.set_value(std::move(s)); },
      [&](std::optional<int> code) { exit.set_value(code); });
  Result<streaming::ProcessStreams> got = Await(streams.get_future());
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->in && got->out && got->err);
  EXPECT_EQ(Await(exit.get_future()), 7);
}

TEST(Execs, AStreamedExecThatTheShimRefusesHasNoExit) {
  World world;
  World::Pod pod = world.RunPod();
  world.steps.Fail("shim.StartExec");
  std::promise<Result<streaming::ProcessStreams>> streams;
  world.runtime().execs().StreamExec(
      ExecIn(pod.container), [&](Result<streaming::ProcessStreams> s) { streams.set_value(std::move(s)); },
      [](std::optional<int>) { ADD_FAILURE() << "an exit of what never began"; });
  EXPECT_FALSE(Await(streams.get_future()));
  world.shims.Die(pod.sandbox);  // ends every exec that is still expected
}

TEST(Execs, AnAttachedClientGetsWhatTheShimHands) {
  World world;
  World::Pod pod = world.RunPod();
  std::promise<Result<streaming::ProcessStreams>> streams;
  world.runtime().execs().StreamAttach(
      streaming::AttachOrder{pod.container,
                             streaming::StreamSet{.in = true, .out = true, .err = false, .terminal = false}},
      [&](Result<streaming::ProcessStreams> s) { streams.set_value(std::move(s)); });
  Result<streaming::ProcessStreams> got = Await(streams.get_future());
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->in && got->out && got->cut_off);
}

TEST(Execs, PortForwardToAPodOnTheHostsNetworkAsksNoShim) {
  World world;
  v1::RunPodSandboxRequest request = world.SandboxRequest();
  request.mutable_config()->clear_hostname();
  request.mutable_config()
      ->mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_network(v1::NODE);
  Call call = NewCall();
  std::string id = world.runtime().sandboxes().Run(request, call).value().pod_sandbox_id();
  world.shims.SetMood(id, ShimMood::kSilent);
  std::promise<Result<std::vector<UniqueFd>>> sockets;
  world.runtime().execs().OpenSockets(id, [&](auto made) { sockets.set_value(std::move(made)); });
  EXPECT_TRUE(Await(sockets.get_future()));
}

TEST(Execs, AShimThatIsGoneFailsAPortForward) {
  World world;
  World::Pod pod = world.RunPod();
  world.shims.SetMood(pod.sandbox, ShimMood::kDead);
  std::promise<Result<std::vector<UniqueFd>>> sockets;
  world.runtime().execs().OpenSockets(pod.sandbox, [&](auto made) { sockets.set_value(std::move(made)); });
  EXPECT_EQ(Await(sockets.get_future()).error().code, Code::kUnavailable);
}

TEST(Execs, APortThatIsNoneIsRefusedBeforeAnythingIsAsked) {
  World world;
  std::string id = world.RunSandbox().value();
  v1::PortForwardRequest request;
  request.set_pod_sandbox_id(id);
  request.add_port(70'000);
  EXPECT_EQ(world.runtime().execs().OrderPortForward(request).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::cri
