// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/daemon.h"

#include <fcntl.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"

namespace davit {
namespace {

// A stuck call holds a thread, so there are many; an idle thread ends by itself.
constexpr int kMaxThreads = 1'000;
constexpr int kMaxMessage = 64 << 20;

Result<> MakeDir(const std::string& path, mode_t mode) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  if (mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return SystemError("mkdir", path);
  return {};
}

// Two daemons on one root would destroy each other's pods.
Result<UniqueFd> LockRoot(const std::string& root) {
  UniqueFd lock = TRY(OpenAt(AT_FDCWD, root + "/lock", O_RDWR | O_CREAT, 0600));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    return Fail(Code::kFailedPrecondition, "lock", root, "another davitd uses this root");
  }
  return lock;
}

StreamServerOptions StreamOptions(const StreamingConfig& config) {
  return {config.address, config.idle_timeout_ms, config.creation_timeout_ms, config.tls_cert_file,
          config.tls_key_file};
}

Result<PodNetwork::Options> NetworkOptions(const NetworkConfig& config) {
  PodNetwork::Options options;
  options.bridge.name = config.bridge.name;
  options.bridge.table = "davit-" + config.bridge.name;
  for (const std::string& subnet : config.bridge.subnets)
    options.bridge.subnets.push_back(TRY(ParseSubnet(subnet)));
  options.plugins.conf_dir = config.conf_dir;
  options.plugins.bin_dirs = config.bin_dirs;
  return options;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Logger& log,
                                              const std::string& program_dir) {
  std::unique_ptr<Daemon> daemon(new Daemon(config, log));
  TRY(daemon->OpenDirectories());
  TRY(daemon->OpenStores(program_dir));
  TRY(daemon->OpenHost(program_dir));
  daemon->runtime_ = std::make_unique<Runtime>(
      Host{daemon->config_, log, *daemon->records_, *daemon->snapshotter_, *daemon->images_,
           *daemon->cgroups_, *daemon->network_, daemon->seccomp_, daemon->apparmor_, *daemon->shims_,
           *daemon->reactor_, TRY(CollectHostFacts()), cdi::Registry(daemon->config_.cdi.spec_dirs)});
  TRY(daemon->runtime_->Recover());
  daemon->streams_ = TRY(StreamServer::Start(StreamOptions(config.streaming), *daemon->runtime_, log));
  return daemon;
}

Daemon::~Daemon() {
  if (runtime_ != nullptr) runtime_->EndWatching();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
}

Result<> Daemon::OpenDirectories() {
  // Containers reach their files below the root by bind mounts only, never by path.
  TRY(MakeDir(config_.root, 0700));
  TRY(MakeDir(config_.state, 0711));
  TRY(MakeDir(config_.state + "/sandboxes", 0700));
  lock_ = TRY(LockRoot(config_.root));
  return {};
}

Result<> Daemon::OpenStores(const std::string& program_dir) {
  records_ = TRY(Records::Open(config_.root + "/davit.db"));
  snapshotter_ = TRY(Snapshotter::Open(config_.root + "/snapshots"));
  // As in cri/spec/mounts.cc.
  TRY(snapshotter_->AddMountPoints({"dev", "proc", "sys", "etc"},
                                   {"etc/hostname", "etc/hosts", "etc/resolv.conf"}));
  layers_ = std::make_unique<SnapshotLayerStore>(*snapshotter_);
  image_records_ = std::make_unique<DatabaseImageRecords>(*records_);
  ImageStore::Config images;
  images.certs_d = RegistryConfigPath(config_.registry);
  images.unpack_program = program_dir + "/davit-unpack";
  images_ = TRY(ImageStore::Open(images, *layers_, *image_records_));
  return {};
}

Result<> Daemon::OpenHost(const std::string& program_dir) {
  cgroups_ = TRY(CgroupHost::Probe());
  shim_cgroup_ = TRY(ShimCgroup::Open(*cgroups_, config_.cgroup.root));
  spawner_ = TRY(ShimSpawner::Start(*shim_cgroup_));
  network_ = TRY(PodNetwork::Open(TRY(NetworkOptions(config_.network)), *records_, log_));
  reactor_ = TRY(Reactor::Start());
  shims_ = TRY(ShimLauncher::Create(program_dir + "/davit-shim", config_.state, STDERR_FILENO,
                                    [this](const SpawnRequest& shim) { return spawner_->Spawn(shim); }));
  return {};
}

Result<> Daemon::Serve() {
  std::string path = SocketPath(config_);
  TRY(MakeDir(std::filesystem::path(path).parent_path(), 0711));
  unlink(path.c_str());  // of a daemon that was killed; the lock says that none is alive

  runtime_service_ = std::make_unique<RuntimeService>(*runtime_, *streams_, log_);
  image_service_ = std::make_unique<ImageService>(*images_, *snapshotter_, config_.image.pinned, log_);
  grpc::ResourceQuota quota("davitd");
  quota.SetMaxThreads(kMaxThreads);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.SetMaxSendMessageSize(kMaxMessage);
  builder.AddListeningPort(config_.listen, grpc::InsecureServerCredentials());
  builder.RegisterService(runtime_service_.get());
  builder.RegisterService(image_service_.get());
  // gRPC binds the socket itself: nobody may connect before it has its mode.
  mode_t old_mask = umask(0117);
  server_ = builder.BuildAndStart();
  umask(old_mask);
  if (server_ == nullptr)
    return Fail(Code::kUnavailable, "listen", config_.listen, "gRPC could not open the socket");
  if (chmod(path.c_str(), 0660) < 0) return SystemError("chmod", path);
  return {};
}

}  // namespace davit
