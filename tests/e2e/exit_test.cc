// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How containers and execs end, and what the status says of it.

#include <fstream>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Lt;

class Exits : public PodTest {};

TEST_F(Exits, SuccessIsCompleted) {
  v1::ContainerStatus status = RunToEnd(ShellConfig("exit 0"));

  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_EQ(status.reason(), "Completed");
}

TEST_F(Exits, AnExitCodeIsAnError) {
  v1::ContainerStatus status = RunToEnd(ShellConfig("exit 7"));

  EXPECT_EQ(status.exit_code(), 7);
  EXPECT_EQ(status.reason(), "Error");
}

TEST_F(Exits, ASignalIs128AndItsNumber) {
  // Of its own PID 1 the kernel takes no such signal from inside, so a shared PID namespace it is.
  v1::ContainerStatus status = RunToEnd(ShellConfig("kill -KILL $$"), [](v1::PodSandboxConfig& config) {
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(v1::POD);
  });

  EXPECT_EQ(status.exit_code(), 128 + SIGKILL);
  EXPECT_EQ(status.reason(), "Error");
}

TEST_F(Exits, TooMuchMemoryIsOOMKilled) {
  v1::ContainerConfig config = ContainerConfig({"dd", "if=/dev/zero", "of=/dev/null", "bs=64M"});
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(16 << 20);
  config.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(16 << 20);

  v1::ContainerStatus status = RunToEnd(config);

  EXPECT_EQ(status.reason(), "OOMKilled");
  EXPECT_EQ(status.exit_code(), 128 + SIGKILL);
}

TEST_F(Exits, AMissingExecutableIsAStartError) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::StartContainerRequest request;
  request.set_container_id(Create(RunPod(pod_config), pod_config, ContainerConfig({"/no/such/program"})));

  auto answer = cri().Ask(&RuntimeStub::StartContainer, request);
  v1::ContainerStatus status = StatusOf(request.container_id());

  EXPECT_FALSE(answer.status.ok());
  EXPECT_THAT(answer.status.error_message(),
              AllOf(HasSubstr("/no/such/program"), HasSubstr("No such file or directory")));
  EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_THAT(status.message(), HasSubstr("/no/such/program"));
  EXPECT_EQ(status.started_at(), status.finished_at());
}

TEST_F(Exits, AnExecutableThatIsNotOneIsAStartError) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::StartContainerRequest request;
  request.set_container_id(Create(RunPod(pod_config), pod_config, ContainerConfig({"/etc/passwd"})));

  EXPECT_FALSE(cri().Ask(&RuntimeStub::StartContainer, request).status.ok());
  EXPECT_THAT(StatusOf(request.container_id()).message(),
              AllOf(HasSubstr("/etc/passwd"), HasSubstr("Permission denied")));
}

TEST_F(Exits, AStartThatTheSeccompProfileForbidsIsAStartError) {
  const std::string profile = instance().directory() + "/no-exec.json";
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  for (const char* action : {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"}) {
    std::ofstream(profile)
        << R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["execve", "sendmsg", )"
        << R"("write", "openat2"], "action": ")" << action << R"("}]})";
    v1::ContainerConfig config = ContainerConfig({"true"}, action);
    auto& seccomp = *config.mutable_linux()->mutable_security_context()->mutable_seccomp();
    seccomp.set_profile_type(v1::SecurityProfile::Localhost);
    seccomp.set_localhost_ref(profile);
    v1::StartContainerRequest request;
    request.set_container_id(Create(pod, pod_config, config));

    EXPECT_FALSE(cri().Ask(&RuntimeStub::StartContainer, request).status.ok());
    v1::ContainerStatus status = StatusOf(request.container_id());
    EXPECT_EQ(status.exit_code(), 128);
    EXPECT_EQ(status.reason(), "StartError");
    EXPECT_THAT(status.message(), AllOf(HasSubstr("seccomp profile"), HasSubstr("execve")));
  }
}

TEST_F(Exits, StopGivesTheGracePeriodAndThenKills) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string polite = CreateAndStart(
      pod, pod_config,
      ShellConfig("trap 'exit 3' TERM; echo ready; while true; do sleep 1000 & wait; done", "polite"));
  std::string deaf =
      CreateAndStart(pod, pod_config, ShellConfig("trap '' TERM; echo ready; sleep 1000", "deaf"));
  WaitForOutput(polite, "ready");
  WaitForOutput(deaf, "ready");

  StopContainer(polite, 20);
  StopContainer(deaf, 1);

  EXPECT_EQ(StatusOf(polite).exit_code(), 3);
  EXPECT_EQ(StatusOf(deaf).exit_code(), 128 + SIGKILL);
}

TEST_F(Exits, AShorterGracePeriodOvertakesALongerOne) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string container =
      CreateAndStart(RunPod(pod_config), pod_config, ShellConfig("trap '' TERM; echo ready; sleep 1000"));
  WaitForOutput(container, "ready");
  v1::StopContainerRequest patient;
  patient.set_container_id(container);
  patient.set_timeout(1000);
  EXPECT_FALSE(cri().Ask(&RuntimeStub::StopContainer, patient, std::chrono::milliseconds(100)).status.ok());

  StopContainer(container, 0);

  EXPECT_EQ(StatusOf(container).exit_code(), 128 + SIGKILL);
}

TEST_F(Exits, StopSendsTheSignalThatTheContainerAsksFor) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig config =
      ShellConfig("trap 'exit 5' USR1; echo ready; while true; do sleep 1000 & wait; done");
  config.set_stop_signal(v1::SIGNAL_SIGUSR1);
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
  WaitForOutput(container, "ready");

  StopContainer(container, 20);

  EXPECT_EQ(StatusOf(container).exit_code(), 5);
}

TEST_F(Exits, AnExecKeepsStreamsApartAndHasItsOwnExitCode) {
  ExecOutcome outcome = Exec(RunIdle(), {"sh", "-c", "echo out; echo err >&2; exit 9"});

  EXPECT_EQ(outcome.exit_code, 9);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_F(Exits, AnExecThatTakesTooLongIsKilled) {
  v1::ExecSyncRequest request;
  request.set_container_id(RunIdle());
  for (const char* word : {"sleep", "4321"}) request.add_cmd(word);
  request.set_timeout(1);

  EXPECT_THAT(cri().Ask(&RuntimeStub::ExecSync, request), FailsWith(grpc::StatusCode::DEADLINE_EXCEEDED, ""));
  EXPECT_EQ(Shell(request.container_id(), "pgrep -f '[s]leep 4321' || true"), "");
}

TEST_F(Exits, AnExecOfAMissingExecutableSaysSo) {
  v1::ExecSyncRequest request;
  request.set_container_id(RunIdle());
  request.add_cmd("/no/such/program");

  auto answer = cri().Ask(&RuntimeStub::ExecSync, request);

  EXPECT_FALSE(answer.status.ok());
  EXPECT_THAT(answer.status.error_message(), HasSubstr("/no/such/program"));
}

TEST_F(Exits, TheOutputOfAnExecIsBoundedBelowTheClientsMessageSize) {
  ExecOutcome outcome = Exec(RunIdle(), {"head", "-c", "40000000", "/dev/zero"});

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out.size(), Lt(16'000'001));
}

TEST_F(Exits, AnExecDoesNotWaitForWhatItLeavesInTheBackground) {
  EXPECT_EQ(Exec(RunIdle(), {"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo done"}).out, "done\n");
}

}  // namespace
}  // namespace davit::e2e
