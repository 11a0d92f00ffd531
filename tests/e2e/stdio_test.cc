// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Standard streams: who may open them anew, and how long an input stays open.

#include <algorithm>
#include <numeric>
#include <sstream>

#include "tests/e2e/pod_test.h"
#include "tests/e2e/stream_client.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;

constexpr char kReopen[] =
    "echo a > /dev/stdout && echo b > /dev/stderr && echo c > /proc/self/fd/1 && exec cat /dev/stdin";

class StandardStreams : public PodTest {
 protected:
  static void RunAsUser(v1::ContainerConfig& config, int64_t uid) {
    config.mutable_linux()->mutable_security_context()->mutable_run_as_user()->set_value(uid);
  }
  static v1::ContainerConfig Reopening(int64_t uid) {
    v1::ContainerConfig config = ShellConfig(kReopen);
    RunAsUser(config, uid);
    return config;
  }
  std::string RunIdleAs(int64_t uid) {
    return RunIdle([uid](auto&, v1::ContainerConfig& config) { RunAsUser(config, uid); });
  }
  std::string StreamedExec(const std::string& container, const std::string& script, bool tty) {
    v1::ExecRequest request;
    request.set_container_id(container);
    for (const std::string& word : {std::string("sh"), std::string("-c"), script}) request.add_cmd(word);
    request.set_stdout(true);
    request.set_stderr(!tty);
    request.set_tty(tty);
    StreamClient client(Must(cri().Ask(&RuntimeStub::Exec, request)).url(), "v5.channel.k8s.io");
    return client.ReadUntil("the end");
  }
};

// The two streams are read one by one: their lines have no order among each other.
std::string SortedLines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  std::ranges::sort(lines);
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

TEST_F(StandardStreams, BelongToTheContainersUser) {
  v1::ContainerStatus status = RunToEnd(Reopening(1000));
  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_EQ(SortedLines(LogOf(status.id())), "a\nb\nc\n");
}

TEST_F(StandardStreams, BelongToTheUserOfATerminal) {
  v1::ContainerConfig config = ShellConfig("echo a > /dev/stdout && echo b > /dev/stderr");
  RunAsUser(config, 1000);
  config.set_tty(true);
  EXPECT_EQ(LogOf(RunToEnd(config).id()), "a\r\nb\r\n");
}

TEST_F(StandardStreams, BelongToTheUserOfAnExec) {
  std::string container = RunIdleAs(1000);
  ExecOutcome outcome = Exec(container, {"sh", "-c", kReopen});
  EXPECT_EQ(outcome.out, "a\nc\n");
  EXPECT_EQ(outcome.err, "b\n");

  for (bool tty : {false, true})
    EXPECT_THAT(StreamedExec(container, "echo the end > /dev/stdout", tty), HasSubstr("the end"));
}

TEST_F(StandardStreams, BelongToRootAndOthersInAUserNamespace) {
  if (!KernelMapsLayers()) GTEST_SKIP() << "this kernel cannot map the layers of overlays (Linux 6.13)";
  for (int64_t uid : {0, 1000}) {
    v1::ContainerStatus status = RunToEnd(Reopening(uid), AddUserNamespace);
    EXPECT_EQ(SortedLines(LogOf(status.id())), "a\nb\nc\n") << uid;
  }
  v1::PodSandboxConfig pod_config = PodConfig();
  AddUserNamespace(pod_config);
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, IdleConfig());
  EXPECT_EQ(Exec(container, {"sh", "-c", kReopen}).out, "a\nc\n");
}

TEST_F(StandardStreams, AnInputForOneClientEndsWhenThatDisconnects) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig config = ShellConfig("cat; echo ended");
  config.set_stdin(true);
  config.set_stdin_once(true);
  std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
  v1::AttachRequest request;
  request.set_container_id(container);
  request.set_stdin(true);
  request.set_stdout(true);
  auto attach = [&] {
    return StreamClient(Must(cri().Ask(&RuntimeStub::Attach, request)).url(), "v5.channel.k8s.io");
  };
  {
    StreamClient first = attach();
    ASSERT_EQ(first.status(), 101);
    StreamClient second = attach();
    ASSERT_EQ(second.status(), 101);
    EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_RUNNING);
  }
  EXPECT_EQ(WaitForExit(container).exit_code(), 0);
  EXPECT_EQ(LogOf(container), "ended\n");
}

}  // namespace
}  // namespace davit::e2e
