// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The kubelet repeats calls whose answer it has not seen. A repetition finds the first call's work.

#include <set>
#include <thread>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::SizeIs;

class Retry : public PodTest {
 protected:
  static v1::RunPodSandboxRequest RunRequest(const v1::PodSandboxConfig& config) {
    v1::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    return request;
  }

  static v1::CreateContainerRequest CreateRequest(const std::string& pod,
                                                  const v1::PodSandboxConfig& pod_config,
                                                  const v1::ContainerConfig& config) {
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    *request.mutable_config() = config;
    *request.mutable_sandbox_config() = pod_config;
    return request;
  }
};

TEST_F(Retry, TheSamePodIsRunOnce) {
  v1::PodSandboxConfig config = PodConfig();

  EXPECT_EQ(RunPod(config), RunPod(config));
  EXPECT_THAT(ListPods(), SizeIs(1));
}

TEST_F(Retry, MetadataHeldByAnotherConfigurationNamesTheHolder) {
  v1::PodSandboxConfig config = PodConfig();
  std::string holder = RunPod(config);
  config.set_hostname("other");

  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, RunRequest(config)),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, holder));
}

TEST_F(Retry, MetadataOfAStoppedPodIsStillHeld) {
  v1::PodSandboxConfig config = PodConfig();
  std::string holder = RunPod(config);
  StopPod(holder);

  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, RunRequest(config)),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, holder));
}

TEST_F(Retry, ConcurrentCallsForOnePodMakeOne) {
  v1::PodSandboxConfig config = PodConfig();
  std::vector<Answer<v1::RunPodSandboxResponse>> answers(8);
  {
    std::vector<std::jthread> callers;
    for (auto& answer : answers) {
      callers.emplace_back(
          [&] { answer = NewClient()->Ask(&RuntimeStub::RunPodSandbox, RunRequest(config)); });
    }
  }

  std::set<std::string> ids;
  for (const auto& answer : answers) {
    EXPECT_THAT(answer, Succeeds());
    ids.insert(answer.value.pod_sandbox_id());
  }
  EXPECT_THAT(ids, SizeIs(1));
}

TEST_F(Retry, ACallThatRanOutOfTimeIsJoinedByTheNext) {
  v1::PodSandboxConfig config = PodConfig();
  std::set<std::string> ids;

  // Deadlines from too short for anything to long enough.
  for (int milliseconds = 1; ids.empty(); milliseconds *= 2) {
    auto answer =
        cri().Ask(&RuntimeStub::RunPodSandbox, RunRequest(config), std::chrono::milliseconds(milliseconds));
    if (answer.status.ok()) {
      ids.insert(answer.value.pod_sandbox_id());
    } else {
      ASSERT_THAT(answer, FailsWith(grpc::StatusCode::DEADLINE_EXCEEDED, ""));
    }
  }

  EXPECT_THAT(ListPods(), SizeIs(1));
}

TEST_F(Retry, TheSameContainerIsCreatedOnce) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);

  EXPECT_EQ(Create(pod, pod_config, IdleConfig()), Create(pod, pod_config, IdleConfig()));
}

TEST_F(Retry, MetadataOfAContainerThatHasRunNamesTheHolder) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string holder = CreateAndStart(pod, pod_config, IdleConfig());
  StopContainer(holder, 0);

  EXPECT_THAT(cri().Ask(&RuntimeStub::CreateContainer, CreateRequest(pod, pod_config, IdleConfig())),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, holder));
}

TEST_F(Retry, ANewAttemptIsANewContainer) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string first = Create(pod, pod_config, IdleConfig());
  v1::ContainerConfig again = IdleConfig();
  again.mutable_metadata()->set_attempt(1);

  EXPECT_NE(Create(pod, pod_config, again), first);
}

TEST_F(Retry, MetadataIsFreeAgainOnceItsHolderIsRemoved) {
  v1::PodSandboxConfig config = PodConfig();
  std::string first = RunPod(config);
  RemovePod(first);

  EXPECT_NE(RunPod(config), first);
}

}  // namespace
}  // namespace davit::e2e
