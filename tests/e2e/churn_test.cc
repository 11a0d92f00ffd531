// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods come and go while the daemon is killed again and again; afterwards the host has what the API lists, no
// more.

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::IsEmpty;

constexpr int kPods = 200;
constexpr int kWorkers = 4;

// What the kubelet does when the daemon is away: the same call again, until it is answered.
template <typename Stub, typename Request, typename Response>
Response Insist(const std::function<std::unique_ptr<CriClient>()>& connect,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) {
  Answer<Response> answer;
  WaitUntil(Request::descriptor()->name() + " is answered", [&] {
    answer = connect()->Ask(method, request);
    return answer.status.error_code() != grpc::StatusCode::UNAVAILABLE;
  });
  return Must(std::move(answer));
}

class LongChurn : public OwnInstanceTest {
 protected:
  // One pod through its whole life, or, for every tenth, left running.
  void LivePod(int number, const v1::PodSandboxConfig& pod_config) {
    auto connect = [this] { return NewClient(); };
    v1::RunPodSandboxRequest run;
    *run.mutable_config() = pod_config;
    std::string pod = Insist(connect, &RuntimeStub::RunPodSandbox, run).pod_sandbox_id();
    v1::CreateContainerRequest create;
    create.set_pod_sandbox_id(pod);
    *create.mutable_config() = IdleConfig();
    *create.mutable_sandbox_config() = pod_config;
    v1::StartContainerRequest start;
    start.set_container_id(Insist(connect, &RuntimeStub::CreateContainer, create).container_id());
    StartOnce(start);
    if (number % 10 == 0) return;
    v1::StopPodSandboxRequest stop;
    stop.set_pod_sandbox_id(pod);
    Insist(connect, &RuntimeStub::StopPodSandbox, stop);
    v1::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(pod);
    Insist(connect, &RuntimeStub::RemovePodSandbox, remove);
  }

  // A start is not repeatable: after a lost answer the container may run, may have ended, or may still be to
  // start.
  void StartOnce(const v1::StartContainerRequest& request) {
    WaitUntil("the container starts", [&] {
      auto answer = NewClient()->Ask(&RuntimeStub::StartContainer, request);
      if (answer.status.error_code() == grpc::StatusCode::UNAVAILABLE) return false;
      return answer.status.ok() || answer.status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
    });
  }

  void Work(std::atomic<int>& next) {
    for (int number; (number = next++) < kPods;) {
      try {
        LivePod(number, PodConfig("churn"));
      } catch (const std::exception& error) {
        ADD_FAILURE() << "pod " << number << ": " << error.what();
      }
    }
  }
};

TEST_F(LongChurn, AfterKillsAtAnyMomentTheHostHasWhatTheApiLists) {
  RunIdle();  // so that the image is there
  std::atomic<int> next = 0;
  std::mt19937 random(::testing::UnitTest::GetInstance()->random_seed());
  std::uniform_int_distribution<int> pause(20, 800);
  int kills = 0;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back([&] { Work(next); });
    for (; next < kPods; ++kills) {
      std::this_thread::sleep_for(std::chrono::milliseconds(pause(random)));
      instance().Kill();
      instance().Restart();
    }
  }
  RecordProperty("kills", kills);

  std::set<std::string> ready;
  for (const auto& pod : ListPods()) {
    EXPECT_EQ(pod.state(), v1::SANDBOX_READY);
    ready.insert(pod.id());
  }
  EXPECT_EQ(ready.size(), kPods / 10 + 1);
  instance().Kill();
  WaitUntil("there are the shims of pods and no others", [&] {
    std::set<std::string> shims;
    for (const auto& [id, pid] : ShimsOf(instance())) shims.insert(id);
    return shims == ready;
  });
  instance().Restart();
  Reconnect();
  // The kernel takes the host ends away some time after the last descriptor of a network namespace is closed.
  WaitUntil("each pod that is left has one interface",
            [&] { return PodLinksOf(instance()).size() == ready.size(); });

  for (const std::string& pod : ready) RemovePod(pod);
  for (const auto& [id, pid] : ShimsOf(instance())) EXPECT_FALSE(ready.contains(id)) << id;
  EXPECT_THAT(PodCgroupsOf(instance()), IsEmpty());
  WaitUntil("no interface is left", [&] { return PodLinksOf(instance()).empty(); });
}

}  // namespace
}  // namespace davit::e2e
