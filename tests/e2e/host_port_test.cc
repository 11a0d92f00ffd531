// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports.

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "tests/e2e/http.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;

// A port that was free a moment ago.
uint16_t FreePort() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd.get(), generic, length) != 0 || getsockname(fd.get(), generic, &length) != 0) {
    throw std::runtime_error("no free port");
  }
  return ntohs(address.sin_port);
}

class HostPorts : public PodTest {
 protected:
  v1::PodSandboxConfig ConfigWithPort(uint16_t host_port) {
    v1::PodSandboxConfig config = PodConfig();
    v1::PortMapping* mapping = config.add_port_mappings();
    mapping->set_container_port(80);
    mapping->set_host_port(host_port);
    return config;
  }

  std::string RunWebServer(const v1::PodSandboxConfig& config) {
    std::string pod = RunPod(config);
    CreateAndStart(pod, config, ContainerConfig({}, "web", kWebServer));
    return pod;
  }

  static bool Answers(const std::string& address, uint16_t port) {
    return HttpGet(address, port).find("Welcome to nginx!") != std::string::npos;
  }
};

TEST_F(HostPorts, LeadToThePodFromTheHostsLoopback) {
  uint16_t port = FreePort();
  RunWebServer(ConfigWithPort(port));

  WaitUntil("127.0.0.1 answers", [&] { return Answers("127.0.0.1", port); });
}

TEST_F(HostPorts, LeadToThePodFromAnotherPodThroughTheHostsAddress) {
  uint16_t port = FreePort();
  std::string pod = RunWebServer(ConfigWithPort(port));
  std::string client = RunIdle();
  std::string gateway = Shell(client, "ip route | awk '$1 == \"default\" { print $3 }'");

  WaitUntil("the bridge's address answers", [&] {
    return Fetch(client, "http://" + gateway + ":" + std::to_string(port) + "/").find("Welcome") !=
           std::string::npos;
  });
}

TEST_F(HostPorts, LeadToThePodFromItself) {
  uint16_t port = FreePort();
  v1::PodSandboxConfig config = ConfigWithPort(port);
  std::string pod = RunWebServer(config);
  std::string client = CreateAndStart(pod, config, IdleConfig());
  std::string gateway = Shell(client, "ip route | awk '$1 == \"default\" { print $3 }'");

  WaitUntil("the pod reaches itself", [&] {
    return Fetch(client, "http://" + gateway + ":" + std::to_string(port) + "/").find("Welcome") !=
           std::string::npos;
  });
}

TEST_F(HostPorts, AreFreeAgainWhenThePodIsStopped) {
  uint16_t port = FreePort();
  v1::PodSandboxConfig first = ConfigWithPort(port);
  std::string pod = RunWebServer(first);
  WaitUntil("the first pod answers", [&] { return Answers("127.0.0.1", port); });
  StopPod(pod);

  EXPECT_FALSE(Answers("127.0.0.1", port));
  RunWebServer(ConfigWithPort(port));
  WaitUntil("the second pod answers", [&] { return Answers("127.0.0.1", port); });
}

TEST_F(HostPorts, ThatAnotherPodHoldsAreRefused) {
  uint16_t port = FreePort();
  std::string holder = RunPod(ConfigWithPort(port));
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = ConfigWithPort(port);

  auto answer = cri().Ask(&RuntimeStub::RunPodSandbox, request);

  EXPECT_FALSE(answer.status.ok());
  EXPECT_THAT(answer.status.error_message(), HasSubstr(std::to_string(port)));
}

}  // namespace
}  // namespace davit::e2e
