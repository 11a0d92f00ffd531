// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// kill -9 of the daemon, of a shim, of a container's first process.

#include <signal.h>
#include <unistd.h>

#include <future>

#include "base/pid_fd.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/log_file.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCount[] = "i=0; while true; do i=$((i+1)); echo $i; usleep 200; done";

class Crashes : public OwnInstanceTest {
 protected:
  void KillAndRestart() {
    instance().Kill();
    instance().Restart();
    Reconnect();
  }

  struct Running {
    std::string pod;
    std::string container;
  };

  Running RunScript(const std::string& script) {
    v1::PodSandboxConfig pod_config = PodConfig();
    std::string pod = RunPod(pod_config);
    return {.pod = pod, .container = CreateAndStart(pod, pod_config, ShellConfig(script))};
  }

  // ExecSync of a command that would run for ever, once it runs.
  std::future<grpc::Status> BeginExec(const std::string& container, const std::string& seconds) {
    std::future<grpc::Status> answer = std::async(std::launch::async, [this, container, seconds] {
      v1::ExecSyncRequest request;
      request.set_container_id(container);
      request.add_cmd("sleep");
      request.add_cmd(seconds);
      return NewClient()->Ask(&RuntimeStub::ExecSync, request).status;
    });
    WaitUntil("the command runs", [&] { return ProcessesWith(seconds).size() == 1; });
    return answer;
  }
};

TEST_F(Crashes, LogsHaveNoGapWhenTheDaemonDies) {
  std::vector<Running> pods;
  for (int i = 0; i < 4; ++i) pods.push_back(RunScript(kCount));

  for (int round = 0; round < 3; ++round) {
    size_t before = CountLines(StatusOf(pods[0].container).log_path());
    std::string path = StatusOf(pods[0].container).log_path();
    instance().Kill();
    WaitUntil("lines are written without a daemon", [&] { return CountLines(path) > before + 100; });
    instance().Restart();
    Reconnect();
  }

  for (const Running& running : pods) {
    ASSERT_EQ(StatusOf(running.container).state(), v1::CONTAINER_RUNNING);
    StopContainer(running.container, 0);
    std::vector<LogLine> lines = ReadLog(StatusOf(running.container).log_path());
    for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i].content, std::to_string(i + 1));
  }
}

TEST_F(Crashes, ADaemonThatIsStartedWhileItsPredecessorDiesWaitsForIt) {
  RunIdle();
  for (int i = 0; i < 10; ++i) {
    PidFd::Open(instance().pid()).value().Signal(SIGKILL).value();
    instance().Restart();
  }
  Reconnect();
  EXPECT_EQ(ListContainers().at(0).state(), v1::CONTAINER_RUNNING);
}

TEST_F(Crashes, AnExitWhileTheDaemonIsDownKeepsItsCodeAndTime) {
  std::string flag = instance().directory() + "/flag";
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig config = ShellConfig("while [ ! -e /host/flag ]; do usleep 1000; done; exit 42");
  v1::Mount* mount = config.add_mounts();
  mount->set_host_path(instance().directory());
  mount->set_container_path("/host");
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
  std::string mark = "while [ ! -e /host/flag ]";

  instance().Kill();
  WaitUntil("the container runs its script", [&] { return ProcessesWith(mark).size() == 1; });
  fclose(fopen(flag.c_str(), "we"));
  std::string record = instance().directory() + "/state/exits/" + container;
  WaitUntil("the shim has recorded the end", [&] { return access(record.c_str(), F_OK) == 0; });
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  instance().Restart();
  Reconnect();

  v1::ContainerStatus status = StatusOf(container);
  EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 42);
  EXPECT_LE(status.finished_at(), now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

TEST_F(Crashes, EverythingWorksOnPodsOfThePreviousDaemon) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string first = CreateAndStart(pod, pod_config, IdleConfig("first"));
  std::string created = Create(pod, pod_config, IdleConfig("created"));
  std::string address = PodStatusOf(pod).network().ip();

  KillAndRestart();

  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_READY);
  EXPECT_EQ(PodStatusOf(pod).network().ip(), address);
  EXPECT_EQ(Shell(first, "echo exec"), "exec");
  EXPECT_EQ(StatusOf(created).state(), v1::CONTAINER_CREATED);
  Start(created);
  EXPECT_EQ(Shell(created, "hostname"), "pod");
  std::string third = CreateAndStart(pod, pod_config, IdleConfig("third"));
  StopContainer(third, 10);
  EXPECT_EQ(StatusOf(third).state(), v1::CONTAINER_EXITED);
}

TEST_F(Crashes, EverythingWorksHoweverTheDaemonIsStarted) {
  instance().Kill();
  instance().Restart({"/usr/bin/env", "--ignore-signal=CHLD"});
  Reconnect();
  Running running = RunScript("exec sleep 1000");  // pulls the image, too
  EXPECT_EQ(Exec(running.container, {"sh", "-c", "exit 3"}).exit_code, 3);
}

TEST_F(Crashes, ARetryAfterTheDaemonsDeathFindsItsWork) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = Create(pod, pod_config, IdleConfig());

  KillAndRestart();

  EXPECT_EQ(RunPod(pod_config), pod);
  EXPECT_EQ(Create(pod, pod_config, IdleConfig()), container);
}

TEST_F(Crashes, AKilledShimTakesItsOwnPodDownAndNoOther) {
  Running hit = RunScript("sleep 54321");
  Running spared = RunScript("sleep 1000");

  kill(ShimsOf(instance()).at(hit.pod), SIGKILL);

  WaitUntil("the pod is not ready", [&] { return PodStatusOf(hit.pod).state() == v1::SANDBOX_NOTREADY; });
  v1::ContainerStatus status = WaitForExit(hit.container);
  EXPECT_EQ(status.reason(), "Unknown");
  EXPECT_EQ(status.exit_code(), 255);
  EXPECT_THAT(ProcessesWith("54321"), IsEmpty());
  EXPECT_EQ(PodStatusOf(spared.pod).state(), v1::SANDBOX_READY);
  EXPECT_EQ(Shell(spared.container, "echo alive"), "alive");
  StopContainer(hit.container, 0);
  RemoveContainer(hit.container);
  StopPod(hit.pod);
  RemovePod(hit.pod);
}

TEST_F(Crashes, AnExecEndsWithTheShimThatRunsIt) {
  Running hit = RunScript("sleep 1000");
  std::future<grpc::Status> answer = BeginExec(hit.container, "54324");

  kill(ShimsOf(instance()).at(hit.pod), SIGKILL);

  grpc::Status status = answer.get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("the shim is gone"));
  EXPECT_THAT(status.error_message(), HasSubstr(hit.container));
  WaitUntil("the command is gone", [] { return ProcessesWith("54324").empty(); });
}

TEST_F(Crashes, AnExecEndsWithTheDaemonThatWaitsForIt) {
  Running running = RunScript("sleep 1000");
  std::future<grpc::Status> answer = BeginExec(running.container, "54325");

  KillAndRestart();

  EXPECT_EQ(answer.get().error_code(), grpc::StatusCode::UNAVAILABLE);
  WaitUntil("the command is gone", [] { return ProcessesWith("54325").empty(); });
  EXPECT_EQ(Shell(running.container, "echo alive"), "alive");
}

TEST_F(Crashes, AShimKilledWhileTheDaemonIsDownIsNoticed) {
  Running hit = RunScript("sleep 54322");
  pid_t shim = ShimsOf(instance()).at(hit.pod);

  instance().Kill();
  kill(shim, SIGKILL);
  instance().Restart();
  Reconnect();

  WaitUntil("the pod is not ready", [&] { return PodStatusOf(hit.pod).state() == v1::SANDBOX_NOTREADY; });
  EXPECT_EQ(WaitForExit(hit.container).reason(), "Unknown");
  EXPECT_THAT(ProcessesWith("54322"), IsEmpty());
  RemovePod(hit.pod);
}

TEST_F(Crashes, AShimThatWaitsForAPodEndsWithTheDaemon) {
  Running running = RunScript("sleep 1000");
  WaitUntil("the next pod's shim waits", [&] { return ShimsOf(instance()).size() == 2; });

  instance().Kill();

  WaitUntil("it has ended", [&] { return ShimsOf(instance()).size() == 1; });
  EXPECT_TRUE(ShimsOf(instance()).contains(running.pod));
  instance().Restart();
  Reconnect();
}

TEST_F(Crashes, APodDoesNotNeedTheShimThatWaitedForIt) {
  WaitUntil("the first pod's shim waits", [&] { return ShimsOf(instance()).size() == 1; });
  const auto [id, pid] = *ShimsOf(instance()).begin();
  PidFd shim = PidFd::Open(pid).value();
  ASSERT_TRUE(shim.Signal(SIGKILL));
  ASSERT_TRUE(shim.WaitExit(10'000).value());

  Running running = RunScript("sleep 1000");

  EXPECT_NE(running.pod, id);
  EXPECT_EQ(Shell(running.container, "echo alive"), "alive");
}

TEST_F(Crashes, AStoppedShimDegradesItsOwnPodOnly) {
  Running hit = RunScript("sleep 1000");
  Running spared = RunScript("sleep 1000");
  pid_t shim = ShimsOf(instance()).at(hit.pod);
  kill(shim, SIGSTOP);

  EXPECT_EQ(Shell(spared.container, "echo alive"), "alive");
  EXPECT_EQ(ListPods().size(), 2U);
  v1::ExecSyncRequest request;
  request.set_container_id(hit.container);
  request.add_cmd("true");
  EXPECT_FALSE(cri().Ask(&RuntimeStub::ExecSync, request, std::chrono::milliseconds(300)).status.ok());

  kill(shim, SIGCONT);
  EXPECT_EQ(Shell(hit.container, "echo again"), "again");
}

TEST_F(Crashes, AKilledContainerIsSeenAsKilled) {
  Running running = RunScript("exec sleep 54323");

  // In the middle of an execve the command line is empty for a moment: look once, at the shell or the
  // program.
  std::vector<pid_t> found;
  WaitUntil("the program has its command line", [&found] {
    found = ProcessesWith("54323");
    return found.size() == 1;
  });
  for (pid_t pid : found) kill(pid, SIGKILL);

  EXPECT_EQ(WaitForExit(running.container).exit_code(), 128 + SIGKILL);
  EXPECT_EQ(PodStatusOf(running.pod).state(), v1::SANDBOX_READY);
}

TEST_F(Crashes, TheDaemonsEndBySigtermLeavesPodsRunning) {
  Running running = RunScript("exec sleep 54324");
  WaitUntil("the program has its command line", [] { return ProcessesWith("54324").size() == 1; });

  kill(instance().pid(), SIGTERM);
  WaitUntil("the daemon has ended", [&] { return kill(instance().pid(), 0) != 0; });
  EXPECT_THAT(ProcessesWith("54324"), SizeIs(1));
  instance().Restart();
  Reconnect();

  EXPECT_EQ(StatusOf(running.container).state(), v1::CONTAINER_RUNNING);
}

}  // namespace
}  // namespace davit::e2e
