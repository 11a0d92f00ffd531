// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates and connects all parts of davitd.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <optional>

#include "base/acceptor.h"
#include "cri/config/config.h"
#include "cri/daemon/heap.h"
#include "cri/daemon/image_records.h"
#include "cri/daemon/listener.h"
#include "cri/daemon/node_cgroups.h"
#include "cri/host/cgroup/shim_spawner.h"
#include "cri/network/all_networks.h"
#include "cri/network/node_network.h"
#include "cri/network/user_networks.h"
#include "cri/runtime/runtime.h"
#include "cri/service/admission.h"
#include "cri/service/async_calls.h"
#include "cri/service/image_service.h"
#include "cri/service/images_api.h"
#include "cri/service/runtime_service.h"
#include "cri/service/session_table.h"
#include "cri/shims/node_shims.h"
#include "dns/responders.h"
#include "images/image_exchange.h"
#include "images/preload/preloader.h"
#include "images/start_check.h"
#include "local/containers_api.h"
#include "local/events_api.h"
#include "local/filesystems.h"
#include "local/filesystems_api.h"
#include "local/local_containers.h"
#include "local/networks.h"
#include "local/networks_api.h"
#include "local/sessions_api.h"
#include "local/volumes.h"
#include "local/volumes_api.h"
#include "streaming/server.h"

namespace davit::cri {

class Daemon {
 public:
  // Opens all parts and recovers the running pods. Clients that connect before Serve block until Serve is
  // called. `program_dir` contains davit-shim, davit-unpack and davit-rootfs.
  static Result<std::unique_ptr<Daemon>> Start(const Config& config, const Logger& log,
                                               const std::string& program_dir);
  // Stops serving and leaves all pods running.
  ~Daemon();

  // Starts to answer calls, on its own threads, and returns.
  Result<> Serve();

 private:
  Daemon(const Config& config, const Logger& log)
      : config_(config),
        log_(log),
        seccomp_(config.seccomp.allow_socketcall ? Socketcall::kAllowed : Socketcall::kRefused),
        pinned_(config.image.pinned) {}

  Result<> OpenDirectories();
  Result<> OpenSocket();
  Result<> OpenStores(const std::string& program_dir);
  Result<> OpenHost(const std::string& program_dir);
  Result<> LabelLayers(const SeLinuxHost& selinux);
  Result<> Recover();
  Result<> AcceptConnections();
  Result<> AcceptSessions();
  void StartChecking();
  void StartPreloading();
  images::ImageLoad::Context ImageLoads() const { return {*images_, *layers_, *blobs_, unpack_program_}; }
  void EndServing();

  const Config config_;
  const Logger& log_;
  std::string unpack_program_;
  std::string rootfs_program_;
  // In the order of creation; destroyed in reverse order.
  UniqueFd lock_;
  Listener listener_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<snapshotter::Snapshotter> snapshotter_;
  std::unique_ptr<SnapshotLayerStore> layers_;
  std::unique_ptr<DatabaseImageRecords> image_records_;
  std::unique_ptr<images::BlobStore> blobs_;
  std::unique_ptr<images::ImageStore> images_;
  std::unique_ptr<images::ImageExchange> image_exchange_;
  std::unique_ptr<NodeCgroups> cgroups_;
  std::unique_ptr<ShimSpawner> spawner_;
  std::unique_ptr<NodeNetwork> network_;
  std::unique_ptr<UserNetworks> user_networks_;
  std::unique_ptr<AllNetworks> all_networks_;
  SeccompCompiler seccomp_;
  AppArmor apparmor_;
  SeLinux selinux_;
  std::unique_ptr<Reactor> outputs_;
  std::unique_ptr<ShimLauncher> launcher_;
  std::unique_ptr<Reactor> reactor_;  // its connections to shims use the launcher
  std::unique_ptr<NodeShims> shims_;
  std::unique_ptr<Runtime> runtime_;
  local::EventLog events_{SystemClock()};
  std::unique_ptr<local::Volumes> volumes_;
  std::unique_ptr<dns::Responders> responders_;
  std::unique_ptr<local::Networks> networks_;
  std::unique_ptr<local::LocalContainers> local_;
  std::unique_ptr<local::Filesystems> filesystems_;
  std::unique_ptr<images::Preloader> preloader_;
  std::unique_ptr<images::StartCheck> start_check_;  // its report uses the preloader
  std::unique_ptr<streaming::StreamServer> streams_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<HeapTrimmer> heap_;  // created and destroyed while no call is in progress
  std::unique_ptr<RuntimeService> runtime_service_;
  const PinnedImages pinned_;
  std::unique_ptr<ImageService> image_service_;
  std::unique_ptr<ImagesApi> images_api_;
  std::unique_ptr<local::NetworksApi> networks_api_;
  std::unique_ptr<SessionTable> sessions_;  // null: its socket cannot be made
  std::unique_ptr<local::ContainersApi> containers_api_;
  std::unique_ptr<local::VolumesApi> volumes_api_;
  std::unique_ptr<local::SessionsApi> sessions_api_;
  std::unique_ptr<local::FilesystemsApi> filesystems_api_;
  std::unique_ptr<local::EventsApi> events_api_;
  std::unique_ptr<AsyncCalls> async_calls_;
  std::unique_ptr<grpc::Server> server_;
  // Of connections whose client may use davit.v1, and of all others (cri/service/entitlement.h).
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> entitled_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> others_;
  std::unique_ptr<Acceptor> acceptor_;  // used and destroyed on the reactor's thread
};

}  // namespace davit::cri
