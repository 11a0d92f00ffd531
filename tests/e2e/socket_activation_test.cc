// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A service manager holds the daemon's socket (systemd.socket(5)), as deploy/davitd.socket has it. Here the
// test does.

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <future>

#include "base/pid_fd.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;

class SocketActivation : public OwnInstanceTest {
 protected:
  static UniqueFd ListenAt(const std::string& path) {
    std::filesystem::remove(path);
    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener.get(), SOMAXCONN), 0);
    return listener;
  }

  void RestartWith(const UniqueFd& listener) {
    instance().Restart({"/usr/bin/env", "LISTEN_FDS=1"}, {{listener.get(), 3}});
  }

  void End(int signal) {
    PidFd daemon = PidFd::Open(instance().pid()).value();
    ASSERT_TRUE(daemon.Signal(signal));
    ASSERT_TRUE(daemon.WaitExit(30'000).value());
  }

  // True once somebody has connected whom nobody has accepted.
  static bool SomebodyWaits(const UniqueFd& listener) {
    pollfd queue{listener.get(), POLLIN, 0};
    return poll(&queue, 1, 10'000) == 1;
  }
};

TEST_F(SocketActivation, WhoeverCallsBetweenTwoDaemonsIsAnsweredByTheNext) {
  instance().Kill();
  UniqueFd listener = ListenAt(instance().socket());
  RestartWith(listener);
  Reconnect();
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = CreateAndStart(pod, pod_config, ShellConfig("exec sleep 1000"));

  for (int signal : {SIGTERM, SIGKILL}) {
    End(signal);
    auto early = std::async(std::launch::async, [&] {
      v1::ContainerStatusRequest request;
      request.set_container_id(container);
      return Must(NewClient()->Ask(&RuntimeStub::ContainerStatus, request)).status().state();
    });
    ASSERT_TRUE(SomebodyWaits(listener)) << strsignal(signal);
    RestartWith(listener);
    EXPECT_EQ(early.get(), v1::CONTAINER_RUNNING) << strsignal(signal);
  }
  Reconnect();
}

TEST_F(SocketActivation, ASocketThatIsNotTheConfiguredOneIsAnError) {
  instance().Kill();
  UniqueFd elsewhere = ListenAt(instance().directory() + "/elsewhere.sock");
  try {
    RestartWith(elsewhere);
    ADD_FAILURE() << "it serves";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(instance().socket()));
    EXPECT_THAT(error.what(), HasSubstr("ListenStream="));
  }
  instance().Restart();
  Reconnect();
}

}  // namespace
}  // namespace davit::e2e
