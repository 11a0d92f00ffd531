// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: a daemon that runs nothing. The pods of the CRI are entries of maps; local containers are in
// fake_containers.h.
#pragma once

#include <grpcpp/server.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/cri/v1/api.grpc.pb.h"
#include "cli/testing/fake_containers.h"
#include "cli/testing/fake_images.h"
#include "cli/testing/fake_networks.h"
#include "cli/testing/fake_volumes.h"

namespace davit::cli {

namespace v1 = ::runtime::v1;

class FakeCri final : public v1::RuntimeService::Service, public v1::ImageService::Service {
 public:
  // Listens on the Unix socket with the path `socket`.
  explicit FakeCri(std::string socket);
  ~FakeCri() override;

  FakeImages& images() { return own_images_; }
  FakeNetworks& networks() { return networks_; }
  FakeContainers& containers() { return own_containers_; }
  FakeVolumes& volumes() { return volumes_; }
  // Adds a pod like those of the kubelet, with running containers of these names. Returns its id.
  std::string AddForeignPod(const std::string& name, const std::vector<std::string>& containers);

  // Simulates the end of the daemon and its connections; pods and containers remain. Listen starts it again.
  void Shutdown();
  void Listen();

  // "RemoveImage busybox": the calls of the CRI so far that change something, in order.
  std::vector<std::string> calls() const;

  grpc::Status Version(grpc::ServerContext*, const v1::VersionRequest*, v1::VersionResponse*) override;
  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*, v1::StatusResponse*) override;
  grpc::Status RuntimeConfig(grpc::ServerContext*, const v1::RuntimeConfigRequest*,
                             v1::RuntimeConfigResponse*) override;
  grpc::Status ListPodSandbox(grpc::ServerContext*, const v1::ListPodSandboxRequest*,
                              v1::ListPodSandboxResponse*) override;
  grpc::Status ListContainers(grpc::ServerContext*, const v1::ListContainersRequest*,
                              v1::ListContainersResponse*) override;
  grpc::Status ContainerStatus(grpc::ServerContext*, const v1::ContainerStatusRequest*,
                               v1::ContainerStatusResponse*) override;
  grpc::Status PodSandboxStats(grpc::ServerContext*, const v1::PodSandboxStatsRequest*,
                               v1::PodSandboxStatsResponse*) override;
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
  v1::Image ImageOf(const std::string& name) const;

  std::string socket_;
  FakeImages own_images_;
  FakeNetworks networks_;
  FakeContainers own_containers_;
  FakeVolumes volumes_;
  std::unique_ptr<grpc::Server> server_;

  mutable std::mutex mutex_;  // guards the members below
  std::map<std::string, v1::PodSandbox> pods_;
  std::map<std::string, Entry> containers_;
  std::vector<std::string> calls_;
  int ids_ = 0;
};

}  // namespace davit::cli
