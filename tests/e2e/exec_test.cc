// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// ExecSync: what it kills and how much it returns.

#include <filesystem>
#include <thread>

#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::IsEmpty;

class ExecSync : public PodTest {
 protected:
  static v1::ExecSyncRequest Request(const std::string& container, const std::string& script,
                                     int64_t timeout_seconds) {
    v1::ExecSyncRequest request;
    request.set_container_id(container);
    for (const std::string& word : {std::string("sh"), std::string("-c"), script}) request.add_cmd(word);
    request.set_timeout(timeout_seconds);
    return request;
  }

  // A container whose first process reaps what it inherits.
  std::string RunReaper() {
    v1::PodSandboxConfig pod_config = PodConfig();
    std::string pod = RunPod(pod_config);
    return CreateAndStart(pod, pod_config,
                          ShellConfig("trap 'exit 0' TERM; while true; do sleep 1000 & wait; done"));
  }

  // The cgroups of execs in the whole instance, apart from those that are kept for the next one.
  std::vector<std::string> ExecCgroups() {
    std::vector<std::string> found;
    for (const std::string& path : PodCgroupsOf(instance()))
      if (std::filesystem::path(path).filename().string().starts_with("exec-")) found.push_back(path);
    return found;
  }
};

TEST_F(ExecSync, TimedOutCommandsLeaveNeitherProcessesNorCgroups) {
  if (!std::filesystem::exists("/sys/fs/cgroup/unified") &&
      !std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers"))
    GTEST_SKIP() << "this host has no cgroup v2 hierarchy";
  constexpr int kThreads = 25;
  constexpr int kEach = 4;
  const std::string seconds = "98765";
  std::string container = RunReaper();
  auto run = [&] {
    std::unique_ptr<CriClient> client = NewClient();
    for (int i = 0; i < kEach; ++i) {
      auto answer = client->Ask(
          &RuntimeStub::ExecSync,
          Request(container,
                  "setsid setsid sleep " + seconds + " & setsid sleep " + seconds + " & sleep " + seconds,
                  1));
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED)
          << answer.status.error_message();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(run);
  }

  EXPECT_THAT(ProcessesWith(seconds), IsEmpty());
  EXPECT_THAT(ExecCgroups(), IsEmpty());
  EXPECT_EQ(Exec(container, {"true"}).exit_code, 0);
}

TEST_F(ExecSync, WhatASuccessfulCommandLeavesRunningStaysInTheContainersCgroup) {
  std::string container = RunReaper();

  EXPECT_EQ(Exec(container, {"sh", "-c", "setsid sleep 98766 > /dev/null 2>&1 < /dev/null &"}).exit_code, 0);

  // It may be in the middle of its execve, without a command line.
  WaitUntil("the program has its command line", [] { return ProcessesWith("98766").size() == 1; });
  EXPECT_THAT(ExecCgroups(), IsEmpty());
  StopContainer(container, 0);
  EXPECT_THAT(ProcessesWith("98766"), IsEmpty());
}

TEST_F(ExecSync, OutputBeyondTheLimitIsDroppedWithoutAnError) {
  constexpr size_t kLimit = 16'000'000;
  std::string container = RunIdle();

  ExecOutcome outcome =
      Exec(container, {"sh", "-c", "head -c 12000000 /dev/zero; head -c 12000000 /dev/zero >&2; exit 7"}, 60);

  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.out.size() + outcome.err.size(), kLimit);
}

TEST_F(ExecSync, AGrandchildThatWritesOnDoesNotHoldTheAnswer) {
  std::string container = RunReaper();

  ExecOutcome outcome = Exec(container, {"sh", "-c", "yes & exit 3"}, 30);

  EXPECT_EQ(outcome.exit_code, 3);
}

}  // namespace
}  // namespace davit::e2e
