// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pod's life from RunPodSandbox to RemovePodSandbox.

#include "tests/e2e/http.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Lifecycle : public PodTest {};

TEST_F(Lifecycle, APodServesAtTheAddressThatItsStatusNames) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  CreateAndStart(pod, pod_config, ContainerConfig({}, "web", kWebServer));

  std::string address = PodStatusOf(pod).network().ip();

  WaitUntil("the web server answers",
            [&] { return HttpGet(address, 80).find("Welcome to nginx!") != std::string::npos; });
}

TEST_F(Lifecycle, APodHasAnAddressOfEachConfiguredFamily) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);

  v1::PodSandboxNetworkStatus network = PodStatusOf(pod).network();

  EXPECT_THAT(network.ip(), HasSubstr("."));
  ASSERT_THAT(network.additional_ips(), SizeIs(1));
  EXPECT_THAT(network.additional_ips(0).ip(), HasSubstr(":"));
}

TEST_F(Lifecycle, PodStatusSaysWhatTheConfigurationSaid) {
  v1::PodSandboxConfig config = PodConfig();
  (*config.mutable_labels())["label"] = "value";
  (*config.mutable_annotations())["note"] = "anything";

  v1::PodSandboxStatus status = PodStatusOf(RunPod(config));

  EXPECT_EQ(status.state(), v1::SANDBOX_READY);
  EXPECT_EQ(status.metadata().DebugString(), config.metadata().DebugString());
  EXPECT_EQ(status.labels().at("label"), "value");
  EXPECT_EQ(status.annotations().at("note"), "anything");
  EXPECT_THAT(status.created_at(), Gt(0));
}

TEST_F(Lifecycle, ContainerStatusFollowsCreateStartAndExit) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = Create(pod, pod_config, IdleConfig());

  v1::ContainerStatus created = StatusOf(container);
  EXPECT_EQ(created.state(), v1::CONTAINER_CREATED);
  EXPECT_EQ(created.started_at(), 0);
  Start(container);
  v1::ContainerStatus running = StatusOf(container);
  EXPECT_EQ(running.state(), v1::CONTAINER_RUNNING);
  EXPECT_GE(running.started_at(), running.created_at());
  EXPECT_EQ(running.finished_at(), 0);
  StopContainer(container, 10);
  v1::ContainerStatus exited = StatusOf(container);
  EXPECT_EQ(exited.state(), v1::CONTAINER_EXITED);
  EXPECT_GE(exited.finished_at(), exited.started_at());
  EXPECT_EQ(exited.log_path(), pod_config.log_directory() + "/idle.log");
}

TEST_F(Lifecycle, ContainerStatusNamesTheImageAsThePodsAuthorDid) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig config = IdleConfig();
  std::string id = StatusOf(Create(pod, pod_config, config)).image_id();

  config.mutable_metadata()->set_attempt(1);
  config.mutable_image()->set_image(id);
  config.mutable_image()->set_user_specified_image("registry.test/davit/busybox");
  std::string container = Create(pod, pod_config, config);

  EXPECT_EQ(StatusOf(container).image().image(), "registry.test/davit/busybox:latest");
  EXPECT_EQ(StatusOf(container).image_id(), id);
}

TEST_F(Lifecycle, ACreatedContainerCanBeRemovedWithoutEverStarting) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string container = Create(RunPod(pod_config), pod_config, IdleConfig());

  RemoveContainer(container);

  v1::ContainerStatusRequest request;
  request.set_container_id(container);
  EXPECT_THAT(cri().Ask(&RuntimeStub::ContainerStatus, request),
              FailsWith(grpc::StatusCode::NOT_FOUND, container));
}

TEST_F(Lifecycle, ARunningContainerCanBeRemovedAndIsKilled) {
  std::string container = RunIdle();

  RemoveContainer(container);

  EXPECT_THAT(ListContainers(), IsEmpty());
}

TEST_F(Lifecycle, StoppingAPodStopsItsContainersAndKeepsItsRecords) {
  std::string container = RunIdle();
  std::string pod = ListPods().at(0).id();

  StopPod(pod);

  EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_NOTREADY);
}

TEST_F(Lifecycle, RemovingAPodRemovesItsContainers) {
  std::string container = RunIdle();
  std::string pod = ListPods().at(0).id();

  RemovePod(pod);

  EXPECT_THAT(ListContainers(), IsEmpty());
}

TEST_F(Lifecycle, StopAndRemoveAreIdempotent) {
  std::string container = RunIdle();
  std::string pod = ListPods().at(0).id();

  for (int time = 0; time < 2; ++time) StopContainer(container, 0);
  for (int time = 0; time < 2; ++time) RemoveContainer(container);
  for (int time = 0; time < 2; ++time) StopPod(pod);
  for (int time = 0; time < 2; ++time) RemovePod(pod);
}

TEST_F(Lifecycle, ContainersOfAPodShareItsNetwork) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  CreateAndStart(pod, pod_config, ContainerConfig({}, "web", kWebServer));
  std::string client = CreateAndStart(pod, pod_config, IdleConfig());

  WaitUntil("the web server answers on loopback",
            [&] { return Fetch(client, "http://127.0.0.1/").find("Welcome") != std::string::npos; });
}

TEST_F(Lifecycle, APodReachesAnotherPod) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  CreateAndStart(pod, pod_config, ContainerConfig({}, "web", kWebServer));
  std::string client = RunIdle();

  std::string url = "http://" + PodStatusOf(pod).network().ip() + "/";

  WaitUntil("the web server answers the other pod",
            [&] { return Fetch(client, url).find("Welcome") != std::string::npos; });
}

TEST_F(Lifecycle, VerboseStatusShowsTheContainerAsAnOciRuntimeSpec) {
  v1::ContainerStatusRequest request;
  request.set_container_id(RunIdle());
  request.set_verbose(true);

  auto info = Must(cri().Ask(&RuntimeStub::ContainerStatus, request)).info();

  ASSERT_TRUE(info.contains("info"));
  EXPECT_THAT(info.at("info"), AllOf(HasSubstr("ociVersion"), HasSubstr("\"args\"")));
}

TEST_F(Lifecycle, UpdatingResourcesChangesTheRunningContainersCgroup) {
  std::string container = RunIdle([](auto&, v1::ContainerConfig& config) {
    config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  });
  const std::string read_limit =
      "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true";
  ASSERT_EQ(Shell(container, read_limit), std::to_string(64 << 20));

  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(container);
  request.mutable_linux()->set_memory_limit_in_bytes(96 << 20);
  Must(cri().Ask(&RuntimeStub::UpdateContainerResources, request));

  EXPECT_EQ(Shell(container, read_limit), std::to_string(96 << 20));
  EXPECT_EQ(StatusOf(container).resources().linux().memory_limit_in_bytes(), 96 << 20);
}

TEST_F(Lifecycle, MountsShowHostFilesReadOnlyOrWritable) {
  std::string directory = instance().directory() + "/volume";
  ASSERT_EQ(mkdir(directory.c_str(), 0755), 0);
  std::string container = RunIdle([&](auto&, v1::ContainerConfig& config) {
    for (bool readonly : {false, true}) {
      v1::Mount* mount = config.add_mounts();
      mount->set_host_path(directory);
      mount->set_container_path(readonly ? "/readonly" : "/writable");
      mount->set_readonly(readonly);
    }
  });

  EXPECT_EQ(Shell(container, "echo content > /writable/file; cat /readonly/file"), "content");
  EXPECT_THAT(Exec(container, {"touch", "/readonly/other"}).err, HasSubstr("Read-only file system"));
}

TEST_F(Lifecycle, WhatComesWithLaterVersionsSaysSo) {
  EXPECT_THAT(cri().Ask(&RuntimeStub::CheckpointContainer, v1::CheckpointContainerRequest()),
              FailsWith(grpc::StatusCode::UNIMPLEMENTED, " "));
}

}  // namespace
}  // namespace davit::e2e
