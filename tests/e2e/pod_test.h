// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the end-to-end tests: creates pods and containers in one line, and removes all of them
// afterwards.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/client/cri_client.h"
#include "tests/e2e/instance.h"
#include "tests/e2e/matchers.h"

namespace davit::e2e {

namespace v1 = client::v1;
using client::Answer;
using client::CriClient;
using client::ImageStub;
using client::Must;
using client::RuntimeStub;

inline constexpr char kBusybox[] = "registry.test/davit/busybox:latest";
inline constexpr char kWebServer[] = "registry.k8s.io/e2e-test-images/nginx:1.14-2";
inline constexpr char kSetuid[] = "registry.k8s.io/e2e-test-images/nonewprivs:1.3";

// Waits until `condition` holds, up to 30 s, and fails the test naming `what` otherwise.
void WaitUntil(const std::string& what, const std::function<bool()>& condition);

// AddUserNamespace gives the pod a user namespace, whose ids begin with kFirstMappedId on the host. MapIds
// gives a volume the same mappings.
inline constexpr uint32_t kFirstMappedId = 300'000;
void AddUserNamespace(v1::PodSandboxConfig& pod);
void MapIds(google::protobuf::RepeatedPtrField<v1::IDMapping>& mappings);
// Whether the kernel can idmap the layers of a container in a user namespace (Linux 6.13).
bool KernelMapsLayers();

// The answer of an ExecSync.
struct ExecOutcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

class PodTest : public ::testing::Test {
 protected:
  // One instance serves all tests of the program that do not ask for their own.
  PodTest();
  explicit PodTest(std::shared_ptr<Instance> instance);
  void TearDown() override;

  CriClient& cri() { return *cri_; }
  // Replaces the client: a channel to a killed daemon may fail once more before it finds the new daemon.
  void Reconnect() { cri_ = NewClient(); }
  // Drops the client: a daemon that ends waits some seconds for clients that do not react to the end of the
  // connection.
  void Disconnect() { cri_.reset(); }
  Instance& instance() { return *instance_; }
  // A new client for the same socket: after the daemon was killed, or for another thread.
  std::unique_ptr<CriClient> NewClient() const { return std::make_unique<CriClient>(instance_->socket()); }

  // Configurations with metadata that no other test uses and a log directory of their own, to be changed as
  // needed.
  v1::PodSandboxConfig PodConfig(const std::string& name = "pod");
  static v1::ContainerConfig ContainerConfig(const std::vector<std::string>& command,
                                             const std::string& name = "main",
                                             const std::string& image = kBusybox);
  // A container that runs this shell script.
  static v1::ContainerConfig ShellConfig(const std::string& script, const std::string& name = "main");
  // A container that does nothing, and ends at SIGTERM.
  static v1::ContainerConfig IdleConfig(const std::string& name = "idle");

  // Pulls the image if it is missing.
  Answer<v1::CreateContainerResponse> TryCreate(const std::string& pod,
                                                const v1::PodSandboxConfig& pod_config,
                                                const v1::ContainerConfig& config);
  // Each throws if it fails.
  std::string RunPod(const v1::PodSandboxConfig& config);
  std::string Create(const std::string& pod, const v1::PodSandboxConfig& pod_config,
                     const v1::ContainerConfig& config);
  void Start(const std::string& container);
  std::string CreateAndStart(const std::string& pod, const v1::PodSandboxConfig& pod_config,
                             const v1::ContainerConfig& config);
  // A pod with one running container that does nothing; returns the container.
  std::string RunIdle(const std::function<void(v1::PodSandboxConfig&, v1::ContainerConfig&)>& change = {});
  void StopContainer(const std::string& container, int64_t timeout_seconds);
  void RemoveContainer(const std::string& container);
  void StopPod(const std::string& pod);
  void RemovePod(const std::string& pod);

  std::vector<v1::PodSandbox> ListPods(const v1::PodSandboxFilter& filter = {});
  std::vector<v1::Container> ListContainers(const v1::ContainerFilter& filter = {});
  v1::ContainerStatus StatusOf(const std::string& container);
  v1::PodSandboxStatus PodStatusOf(const std::string& pod);
  v1::ContainerStatus WaitForExit(const std::string& container);
  // Waits until the log has `text`. StartContainer returns when the program is executed, which is before a
  // shell has set its traps; the shell prints a word after that.
  void WaitForOutput(const std::string& container, const std::string& text);
  // Runs a pod with this one container to its end.
  v1::ContainerStatus RunToEnd(const v1::ContainerConfig& config,
                               const std::function<void(v1::PodSandboxConfig&)>& change_pod = {});

  ExecOutcome Exec(const std::string& container, const std::vector<std::string>& command,
                   int64_t timeout_seconds = 20);
  // Standard output of a shell script that has to succeed, without the last newline.
  std::string Shell(const std::string& container, const std::string& script);
  // The answer of a web server to a request from inside the container; "" if there is none within two
  // seconds.
  std::string Fetch(const std::string& container, const std::string& url);
  // The content of all lines of the log, joined.
  std::string LogOf(const std::string& container);

 private:
  std::shared_ptr<Instance> instance_;
  std::unique_ptr<CriClient> cri_;
};

// A test that kills or stops its daemon and so has its own.
class OwnInstanceTest : public PodTest {
 protected:
  OwnInstanceTest();
  void TearDown() override;
};

}  // namespace davit::e2e
