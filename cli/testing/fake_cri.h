// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: a daemon that runs nothing. Pods and containers are entries of maps, and a Script says
// what a workload does.
#pragma once

#include <grpcpp/server.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/cri/v1/api.grpc.pb.h"
#include "cli/testing/fake_images.h"
#include "cli/testing/fake_networks.h"

namespace davit::cli {

namespace v1 = ::runtime::v1;

// What a container does once it has been started.
struct Script {
  std::string start_error = {};       // StartContainer fails with this text
  std::string log = {};               // in CRI format
  std::optional<int> exit_code = {};  // set: ends at once; not set: runs until it is stopped or End is called
  bool heeds_stop = true;             // ends with 143 when stopped with a grace period
};

class FakeCri final : public v1::RuntimeService::Service, public v1::ImageService::Service {
 public:
  // Listens on the Unix socket with the path `socket`.
  explicit FakeCri(std::string socket);
  ~FakeCri() override;

  void SetScript(Script script);
  FakeImages& images() { return own_images_; }
  FakeNetworks& networks() { return networks_; }
  // Adds a pod like those of the kubelet, with running containers of these names. Returns its id.
  std::string AddForeignPod(const std::string& name, const std::vector<std::string>& containers);

  // Waits until there is a running container.
  void AwaitRunning();
  // Append to the log of the only running container; end that container.
  void Write(const std::string& log);
  void End(int exit_code);

  // Simulates the end of the daemon and its connections; pods and containers remain. Listen starts it again.
  void Shutdown();
  void Listen();

  size_t pods() const;
  bool PodIsReady() const;  // of the only pod
  // "StopContainer 10", "RemoveImage busybox": the calls so far that change something, in order.
  std::vector<std::string> calls() const;
  v1::ContainerConfig last_container_config() const;

  grpc::Status Version(grpc::ServerContext*, const v1::VersionRequest*, v1::VersionResponse*) override;
  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*, v1::StatusResponse*) override;
  grpc::Status RuntimeConfig(grpc::ServerContext*, const v1::RuntimeConfigRequest*,
                             v1::RuntimeConfigResponse*) override;
  grpc::Status RunPodSandbox(grpc::ServerContext*, const v1::RunPodSandboxRequest*,
                             v1::RunPodSandboxResponse*) override;
  grpc::Status StopPodSandbox(grpc::ServerContext*, const v1::StopPodSandboxRequest*,
                              v1::StopPodSandboxResponse*) override;
  grpc::Status RemovePodSandbox(grpc::ServerContext*, const v1::RemovePodSandboxRequest*,
                                v1::RemovePodSandboxResponse*) override;
  grpc::Status PodSandboxStatus(grpc::ServerContext*, const v1::PodSandboxStatusRequest*,
                                v1::PodSandboxStatusResponse*) override;
  grpc::Status ListPodSandbox(grpc::ServerContext*, const v1::ListPodSandboxRequest*,
                              v1::ListPodSandboxResponse*) override;
  grpc::Status CreateContainer(grpc::ServerContext*, const v1::CreateContainerRequest*,
                               v1::CreateContainerResponse*) override;
  grpc::Status StartContainer(grpc::ServerContext*, const v1::StartContainerRequest*,
                              v1::StartContainerResponse*) override;
  grpc::Status StopContainer(grpc::ServerContext*, const v1::StopContainerRequest*,
                             v1::StopContainerResponse*) override;
  grpc::Status ListContainers(grpc::ServerContext*, const v1::ListContainersRequest*,
                              v1::ListContainersResponse*) override;
  grpc::Status ContainerStatus(grpc::ServerContext*, const v1::ContainerStatusRequest*,
                               v1::ContainerStatusResponse*) override;
  grpc::Status ExecSync(grpc::ServerContext*, const v1::ExecSyncRequest*, v1::ExecSyncResponse*) override;

  grpc::Status ListImages(grpc::ServerContext*, const v1::ListImagesRequest*,
                          v1::ListImagesResponse*) override;
  grpc::Status ImageStatus(grpc::ServerContext*, const v1::ImageStatusRequest*,
                           v1::ImageStatusResponse*) override;
  grpc::Status RemoveImage(grpc::ServerContext*, const v1::RemoveImageRequest*,
                           v1::RemoveImageResponse*) override;
  grpc::Status ImageFsInfo(grpc::ServerContext*, const v1::ImageFsInfoRequest*,
                           v1::ImageFsInfoResponse*) override;

 private:
  struct Entry {
    v1::ContainerStatus status;
    std::string pod_id;
  };

  std::string NewId();
  Entry* OnlyRunning();
  v1::Image ImageOf(const std::string& name) const;

  std::string socket_;
  FakeImages own_images_;
  FakeNetworks networks_;
  std::unique_ptr<grpc::Server> server_;

  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable started_;
  Script script_;
  std::map<std::string, v1::PodSandbox> pods_;
  std::map<std::string, v1::PodSandboxConfig> pod_configs_;
  std::map<std::string, Entry> containers_;
  std::vector<std::string> calls_;
  v1::ContainerConfig last_container_config_;
  int ids_ = 0;
};

}  // namespace davit::cli
