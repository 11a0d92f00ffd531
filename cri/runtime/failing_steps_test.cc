// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Every verb with each of its steps failing in turn: by an error, and by an exception.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/guarded.h"
#include "cri/testing/fail_each_step.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

// What a test expects to remain when it has removed what the verb left.
struct Prepared {
  std::string sandbox;
  std::string container;
  std::vector<std::string> before;
};

Prepared Nothing(World&) {
  return {};
}

Prepared ASandbox(World& world) {
  std::string id = world.RunSandbox().value();
  return {id, "", world.Leftovers()};
}

Prepared ACreatedContainer(World& world) {
  Prepared made = ASandbox(world);
  made.container = world.CreateContainer(made.sandbox).value();
  return made;
}

Prepared ARunningContainer(World& world) {
  Prepared made = ACreatedContainer(world);
  world.StartContainer(made.container).value();
  return made;
}

Prepared AStoppedContainer(World& world) {
  Prepared made = ARunningContainer(world);
  world.StopContainer(made.container).value();
  return made;
}

void ExpectLeft(World& world, const std::vector<std::string>& expected) {
  EXPECT_TRUE(world.Eventually([&] { return world.Leftovers() == expected; }))
      << ::testing::PrintToString(world.Leftovers());
}

Call NewCall() {
  return Call{MonotonicMilliseconds() + 60'000, {}};
}

// As the service calls a verb: an exception is an error of the call.
template <typename Verb>
auto Serve(Verb verb) {
  return Guarded("serve", "verb", [&verb] {
    Call call = NewCall();
    return verb(call);
  });
}

class AnyStep : public ::testing::TestWithParam<Failure> {};
INSTANTIATE_TEST_SUITE_P(By, AnyStep, ::testing::Values(Failure::kError, Failure::kException));

TEST_P(AnyStep, OfARunThatFailsIsUndone) {
  auto steps = FailEachStep(
      GetParam(), Nothing, [](World& world, const Prepared&) { return world.RunSandbox(); },
      [](const FailedRun& run, const Prepared&) {
        if (run.ended) return;  // a write of the record in the background of a success
        EXPECT_THAT(run.world.Leftovers(), IsEmpty());
        EXPECT_THAT(run.world.Listed(), IsEmpty());
        EXPECT_TRUE(run.world.RunSandbox()) << "the name is free again";
      });
  EXPECT_THAT(steps, IsSupersetOf({"shims.Take", "network.Choose", "records.PutSandbox", "shim.StartSandbox",
                                   "network.Attach", "network.WriteSysctls", "cgroups.Create"}));
}

TEST_P(AnyStep, OfASandboxesStopThatFailsIsRetried) {
  auto steps = FailEachStep(
      GetParam(), ARunningContainer,
      [](World& world, const Prepared& pod) { return world.StopSandbox(pod.sandbox); },
      [](const FailedRun& run, const Prepared& pod) {
        EXPECT_EQ(run.world.SandboxStatusOf(pod.sandbox).state(), v1::SANDBOX_NOTREADY);
        EXPECT_TRUE(run.world.StopSandbox(pod.sandbox));
        EXPECT_EQ(run.world.StatusOf(pod.container).state(), v1::CONTAINER_EXITED);
        EXPECT_EQ(run.world.StatusOf(pod.container).exit_code(), 137);
        EXPECT_THAT(run.world.shims.alive(), IsEmpty());
        EXPECT_TRUE(run.world.RemoveSandbox(pod.sandbox));
        ExpectLeft(run.world, {});
      });
  EXPECT_THAT(steps,
              IsSupersetOf({"network.Detach", "shim.Shutdown", "cgroups.Remove", "records.PutSandbox"}));
}

TEST_P(AnyStep, OfASandboxesRemovalThatFailsIsRetried) {
  auto steps = FailEachStep(
      GetParam(), ARunningContainer,
      [](World& world, const Prepared& pod) { return world.RemoveSandbox(pod.sandbox); },
      [](const FailedRun& run, const Prepared& pod) {
        EXPECT_TRUE(run.world.RemoveSandbox(pod.sandbox));
        ExpectLeft(run.world, {});
        EXPECT_THAT(run.world.Listed(), IsEmpty());
      });
  EXPECT_THAT(steps, Contains("records.DeleteSandbox"));
}

TEST_P(AnyStep, OfACreationThatFailsIsUndone) {
  auto steps = FailEachStep(
      GetParam(), ASandbox,
      [](World& world, const Prepared& pod) { return world.CreateContainer(pod.sandbox); },
      [](const FailedRun& run, const Prepared& pod) {
        EXPECT_FALSE(run.ended);
        EXPECT_EQ(run.world.Leftovers(), pod.before);
        EXPECT_TRUE(run.world.CreateContainer(pod.sandbox)) << "the name is free again";
      });
  EXPECT_THAT(steps, IsSupersetOf({"images.FindAndHold", "records.PutContainer", "snapshots.Prepare"}));
}

TEST_P(AnyStep, OfAStartThatFailsIsAStartErrorAndTheContainerCanBeRemoved) {
  auto steps = FailEachStep(
      GetParam(), ACreatedContainer,
      [](World& world, const Prepared& pod) { return world.StartContainer(pod.container); },
      [](const FailedRun& run, const Prepared& pod) {
        if (!run.ended && !run.step.empty() && run.step != "records.PutContainer") {
          v1::ContainerStatus status = run.world.StatusOf(pod.container);
          EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
          EXPECT_EQ(status.exit_code(), 128);
          EXPECT_EQ(status.reason(), "StartError");
          EXPECT_THAT(status.message(), HasSubstr("the test wants it to fail"));
          EXPECT_FALSE(
              run.world.cgroups.paths().contains("/davit/pods/" + pod.sandbox + "/" + pod.container));
        }
        EXPECT_TRUE(run.world.RemoveContainer(pod.container));
        ExpectLeft(run.world, pod.before);
      });
  EXPECT_THAT(steps, IsSupersetOf({"snapshots.Mount", "cgroups.Create", "cgroups.OpenForShim",
                                   "cgroups.OpenMountPoint", "shim.StartContainer"}));
}

TEST_P(AnyStep, OfAContainersStopThatFailsDoesNotKeepIt) {
  auto steps = FailEachStep(
      GetParam(), ARunningContainer,
      [](World& world, const Prepared& pod) { return world.StopContainer(pod.container); },
      [](const FailedRun& run, const Prepared& pod) {
        EXPECT_TRUE(run.world.StopContainer(pod.container));
        EXPECT_EQ(run.world.StatusOf(pod.container).state(), v1::CONTAINER_EXITED);
        EXPECT_EQ(run.world.StatusOf(pod.container).exit_code(), 137);
        EXPECT_TRUE(run.world.RemoveContainer(pod.container));
        ExpectLeft(run.world, pod.before);
      });
  EXPECT_THAT(steps, Contains("records.QueueContainer"));
}

TEST_P(AnyStep, OfAContainersRemovalThatFailsIsRetried) {
  auto steps = FailEachStep(
      GetParam(), AStoppedContainer,
      [](World& world, const Prepared& pod) { return world.RemoveContainer(pod.container); },
      [](const FailedRun& run, const Prepared& pod) {
        EXPECT_TRUE(run.world.RemoveContainer(pod.container));
        ExpectLeft(run.world, pod.before);  // layers are released by whichever attempt removes it
      });
  EXPECT_THAT(steps, IsSupersetOf({"snapshots.RemoveContainer", "records.DeleteContainer"}));
}

TEST_P(AnyStep, OfAContainersUpdateThatFailsIsRetried) {
  auto update = [](World& world, const Prepared& pod) {
    v1::UpdateContainerResourcesRequest request;
    request.set_container_id(pod.container);
    request.mutable_linux()->set_cpu_shares(256);
    return Serve([&](Call& call) { return world.runtime().containers().UpdateResources(request, call); });
  };
  auto shares = [](World& world, const Prepared& pod) {
    return world.StatusOf(pod.container).resources().linux().cpu_shares();
  };
  auto steps =
      FailEachStep(GetParam(), ARunningContainer, update, [&](const FailedRun& run, const Prepared& pod) {
        EXPECT_FALSE(run.ended);
        std::string cgroup = "/davit/pods/" + pod.sandbox + "/" + pod.container;
        bool in_cgroup = run.world.cgroups.updates(cgroup) > 0;
        EXPECT_EQ(shares(run.world, pod), in_cgroup ? 256 : 0) << "the status says what the kernel has";
        EXPECT_TRUE(update(run.world, pod));
        run.world.Restart();
        EXPECT_TRUE(run.world.Recover());
        EXPECT_EQ(shares(run.world, pod), 256);
      });
  EXPECT_THAT(steps, ElementsAre("cgroups.Update", "records.PutContainer"));
}

TEST_P(AnyStep, OfASandboxesUpdateThatFailsIsRetried) {
  auto update = [](World& world, const Prepared& pod) {
    v1::UpdatePodSandboxResourcesRequest request;
    request.set_pod_sandbox_id(pod.sandbox);
    request.mutable_resources()->set_cpu_shares(512);
    return Serve([&](Call& call) { return world.runtime().sandboxes().UpdateResources(request, call); });
  };
  auto steps = FailEachStep(GetParam(), ASandbox, update, [&](const FailedRun& run, const Prepared& pod) {
    EXPECT_FALSE(run.ended);
    EXPECT_TRUE(update(run.world, pod));
    EXPECT_EQ(run.world.cgroups.updates("/davit/pods/" + pod.sandbox), 1);
  });
  EXPECT_THAT(steps, ElementsAre("cgroups.Update"));
}

// A running container whose output is logged.
Prepared ALoggedContainer(World& world) {
  v1::RunPodSandboxRequest sandbox = world.SandboxRequest();
  sandbox.mutable_config()->set_log_directory(world.config().state + "/logs");
  Call call = NewCall();
  Prepared made;
  made.sandbox = world.runtime().sandboxes().Run(sandbox, call).value().pod_sandbox_id();
  v1::CreateContainerRequest container = world.ContainerRequest(made.sandbox);
  container.mutable_config()->set_log_path("app/0.log");
  made.container = world.runtime().containers().Create(container, call).value().container_id();
  world.StartContainer(made.container).value();
  return made;
}

TEST_P(AnyStep, OfAReopenedLogThatFailsIsRetried) {
  auto reopen = [](World& world, const Prepared& pod) {
    v1::ReopenContainerLogRequest request;
    request.set_container_id(pod.container);
    return Serve([&](Call& call) { return world.runtime().containers().ReopenLog(request, call); });
  };
  auto steps =
      FailEachStep(GetParam(), ALoggedContainer, reopen, [&](const FailedRun& run, const Prepared& pod) {
        EXPECT_FALSE(run.ended);
        EXPECT_TRUE(reopen(run.world, pod));
      });
  EXPECT_THAT(steps, ElementsAre("shim.ReopenLog"));
}

TEST_P(AnyStep, OfTheRuntimesConfigurationThatFailsIsRetried) {
  auto configure = [](World& world, const Prepared&) {
    v1::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr("10.9.0.0/24");
    return Serve([&](Call& call) { return world.runtime().node().UpdateRuntimeConfig(request, call); });
  };
  auto steps = FailEachStep(GetParam(), Nothing, configure, [&](const FailedRun& run, const Prepared& none) {
    EXPECT_FALSE(run.ended);
    EXPECT_EQ(run.world.network.pod_cidr(), "");
    EXPECT_TRUE(configure(run.world, none));
    EXPECT_EQ(run.world.network.pod_cidr(), "10.9.0.0/24");
  });
  EXPECT_THAT(steps, ElementsAre("network.SetPodCidr"));
}

// A call that answers through a callback, as one that returns its answer.
template <typename T, typename StartFn>
Result<T> Await(StartFn start) {
  auto answer = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> answered = answer->get_future();
  start([answer](Result<T> result) { answer->set_value(std::move(result)); });
  if (answered.wait_for(std::chrono::seconds(60)) == std::future_status::ready) return answered.get();
  return Fail(Code::kDeadlineExceeded, "await", "callback", "it is not called");
}

TEST_P(AnyStep, OfAnExecSyncThatFailsIsItsErrorAndTheNextOneWorks) {
  auto exec = [](World& world, const Prepared& pod) {
    v1::ExecSyncRequest request;
    request.set_container_id(pod.container);
    request.add_cmd("/bin/true");
    return Serve([&](Call& call) {
      return Await<v1::ExecSyncResponse>(
          [&](auto done) { world.runtime().execs().RunSync(request, call, {}, done); });
    });
  };
  auto steps =
      FailEachStep(GetParam(), ARunningContainer, exec, [&](const FailedRun& run, const Prepared& pod) {
        ASSERT_FALSE(run.ended);
        EXPECT_THAT(run.ended.error().ToString(), HasSubstr("the test wants it to fail"));
        EXPECT_TRUE(exec(run.world, pod));
      });
  EXPECT_THAT(steps, ElementsAre("cgroups.LendToExec", "shim.HandExec"));
}

constexpr streaming::StreamSet kAllStreams{.in = true, .out = true, .err = true, .terminal = false};

// On threads of the runtime's own, where nobody but the callback learns of a failure.
class AnyStepOfAStream : public AnyStep {};
INSTANTIATE_TEST_SUITE_P(By, AnyStepOfAStream, ::testing::Values(Failure::kError, Failure::kException));

TEST_P(AnyStepOfAStream, OfAnExecThatFailsIsItsErrorAndTheNextOneWorks) {
  auto exec = [](World& world, const Prepared& pod) {
    return Await<streaming::ProcessStreams>([&](auto done) {
      world.runtime().execs().StreamExec({pod.container, {"/bin/sh"}, kAllStreams}, done,
                                         [](std::optional<int>) {});
    });
  };
  auto steps =
      FailEachStep(GetParam(), ARunningContainer, exec, [&](const FailedRun& run, const Prepared& pod) {
        ASSERT_FALSE(run.ended);
        EXPECT_THAT(run.ended.error().ToString(), HasSubstr("the test wants it to fail"));
        EXPECT_TRUE(exec(run.world, pod));
      });
  EXPECT_THAT(steps, ElementsAre("shim.StartExec"));
}

TEST_P(AnyStepOfAStream, OfAnAttachThatFailsIsItsErrorAndTheNextOneWorks) {
  auto attach = [](World& world, const Prepared& pod) {
    return Await<streaming::ProcessStreams>(
        [&](auto done) { world.runtime().execs().StreamAttach({pod.container, kAllStreams}, done); });
  };
  auto steps =
      FailEachStep(GetParam(), ARunningContainer, attach, [&](const FailedRun& run, const Prepared& pod) {
        ASSERT_FALSE(run.ended);
        EXPECT_THAT(run.ended.error().ToString(), HasSubstr("the test wants it to fail"));
        EXPECT_TRUE(attach(run.world, pod));
      });
  EXPECT_THAT(steps, ElementsAre("shim.Attach"));
}

TEST_P(AnyStepOfAStream, OfAPortForwardThatFailsIsItsErrorAndTheNextOneWorks) {
  auto forward = [](World& world, const Prepared& pod) {
    return Await<std::vector<UniqueFd>>(
        [&](auto done) { world.runtime().execs().OpenSockets(pod.sandbox, done); });
  };
  auto steps = FailEachStep(GetParam(), ASandbox, forward, [&](const FailedRun& run, const Prepared& pod) {
    ASSERT_FALSE(run.ended);
    EXPECT_THAT(run.ended.error().ToString(), HasSubstr("the test wants it to fail"));
    EXPECT_TRUE(forward(run.world, pod));
  });
  EXPECT_THAT(steps, ElementsAre("shim.AskNamespaces"));
}

}  // namespace
}  // namespace davit::cri
