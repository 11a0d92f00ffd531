// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/daemon.h"

#include <grpcpp/resource_quota.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/duplicate.h"
#include "base/file_io.h"
#include "cri/daemon/root_lock.h"
#include "cri/service/entitlement.h"
#include "cri/spec/rlimits.h"

namespace davit::cri {
namespace {

// Beside those that the admitted calls may hold (Admission): for gRPC's own waiting, and for calls that are
// being refused. An idle thread ends by itself.
constexpr int kSpareThreads = 64;
constexpr int kMaxMessage = 64 << 20;
// How long recovery waits for shims that hang before the daemon serves.
constexpr std::chrono::milliseconds kServeAfter(2'000);
// Names of settings in the records.
constexpr char kPodCidr[] = "pod_cidr";
constexpr char kAddressMark[] = "address_mark";

Result<> MakeDir(const std::string& path, mode_t mode) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  if (mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return SystemError("mkdir", path);
  return {};
}

uint64_t DescriptorLimit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

streaming::StreamServerOptions StreamOptions(const StreamingConfig& config) {
  streaming::StreamServerOptions options;
  options.address = config.address;
  options.idle_timeout_ms = config.idle_timeout_ms;
  options.creation_timeout_ms = config.creation_timeout_ms;
  options.tls_certificate = config.tls_cert_file;
  options.tls_key = config.tls_key_file;
  return options;
}

images::ImageVerifier::Config VerifierConfig(const VerifierSettings& settings, const std::string& program_dir,
                                             const Logger& log) {
  images::ImageVerifier::Config verifier;
  verifier.directory = settings.bin_dir;
  verifier.max_verifiers = settings.max_verifiers;
  verifier.timeout_ms = settings.per_verifier_timeout_ms;
  verifier.runner = program_dir + "/davit-verify";
  verifier.report = [&log](const images::VerifierNote& note) {
    log.Log(note.warning ? LogLevel::kWarning : LogLevel::kDebug, "image verifier",
            {{"verifier", note.verifier}, {"image", note.image}, {"note", note.text}});
  };
  return verifier;
}

// `root` tells instances on one host apart.
Result<NodeNetwork::Options> NetworkOptions(const NetworkConfig& config, const std::string& root) {
  NodeNetwork::Options options;
  if (config.mode)
    options.mode =
        *config.mode == NetworkMode::kBridge ? NodeNetwork::Mode::kBridge : NodeNetwork::Mode::kPlugins;
  options.pod_cidr = config.bridge.pod_cidr;
  options.default_subnets = !config.bridge.subnets_set;
  options.bridge.name = config.bridge.name;
  options.bridge.table = "davit-" + config.bridge.name;
  for (const std::string& subnet : config.bridge.subnets)
    options.bridge.subnets.push_back(TRY(cni::ParseSubnet(subnet)));
  options.bridge.mtu = static_cast<uint32_t>(config.bridge.mtu);
  options.bridge.follow_uplink = config.bridge.follow_uplink;
  options.bridge.masquerade = config.bridge.masquerade;
  for (const std::string& network : config.bridge.no_masquerade)
    options.bridge.no_masquerade.push_back(TRY(cni::ParseSubnet(network)));
  options.bridge.filter_bridged = config.bridge.pod_cidr;
  options.plugin_pods.conf_dir = config.conf_dir;
  options.plugin_pods.plugins.bin_dirs = config.bin_dirs;
  options.plugin_pods.plugins.cache_dir = config.cache_dir;
  options.plugin_pods.plugins.cache_owner = root;
  return options;
}

Result<StoredSetting> SettingIn(Records& records, const char* name) {
  return StoredSetting{TRY(records.Setting(name)), [&records, name](const std::string& value) {
                         return records.PutSetting(name, value);
                       }};
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::vector<shim::Rlimit> ContainerRlimits(const ContainerSettings& config, bool can_raise,
                                           const Logger& log) {
  std::vector<shim::Rlimit> configured;
  for (const Ulimit& limit : config.default_ulimits)
    configured.push_back({limit.resource, limit.soft, limit.hard});
  std::vector<shim::Rlimit> limits = DefaultRlimits(configured);
  if (can_raise) return limits;
  for (const std::string& what : LowerToReachable(OwnRlimits(), limits))
    log.Log(LogLevel::kWarning, "the host does not let limits of containers be raised", {{"lowered", what}});
  return limits;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Logger& log,
                                              const std::string& program_dir) {
  std::unique_ptr<Daemon> daemon(new Daemon(config, log));
  TRY(daemon->OpenDirectories());
  TRY(daemon->OpenSocket());
  TRY(daemon->OpenStores(program_dir));
  TRY(daemon->OpenHost(program_dir));
  HostFacts facts = TRY(CollectHostFacts());
  facts.rlimits = ContainerRlimits(config.container, facts.can_raise_limits, log);
  TRY(daemon->LabelLayers(facts.selinux));
  Records& records = *daemon->records_;
  daemon->runtime_ = std::make_unique<Runtime>(
      Host{daemon->config_, log, SystemClock(), records, [&records] { return records.CheckpointState(); },
           *daemon->snapshotter_, *daemon->images_, daemon->cgroups_->cgroups(), *daemon->all_networks_,
           *daemon->shims_, *daemon->outputs_, daemon->seccomp_, daemon->apparmor_, daemon->selinux_,
           std::move(facts), cdi::Registry(daemon->config_.cdi.spec_dirs)});
  TRY(daemon->Recover());
  daemon->images_->SweepRegularly();
  daemon->StartPreloading();
  daemon->StartChecking();
  daemon->streams_ =
      TRY(streaming::StreamServer::Start(StreamOptions(config.streaming), daemon->runtime_->execs(), log));
  return daemon;
}

Result<> Daemon::Recover() {
  volumes_ = std::make_unique<local::Volumes>(local::Volumes::Ports{
      config_.root + "/volumes", *records_, *snapshotter_, log_, SystemClock(), events_});
  local_ = std::make_unique<local::LocalContainers>(
      local::LocalContainers::Ports{config_.root + "/local", *runtime_, *records_, *volumes_, *images_,
                                    *snapshotter_, *networks_, *outputs_, log_, SystemClock(), events_});
  filesystems_ = std::make_unique<local::Filesystems>(
      local::Filesystems::Ports{*local_, rootfs_program_, ImageLoads(), SystemClock()});
  TRY(volumes_->Load());
  TRY(networks_->Load());
  TRY(local_->Load());
  TRY(runtime_->Recover(kServeAfter, local_->WritableLayers()));
  TRY(local_->Begin());
  networks_->Begin();
  return {};
}

Daemon::~Daemon() {
  EndServing();
  if (sessions_ != nullptr) unlink(SessionSocketPath(SocketPath(config_)).c_str());
  RemoveSocketFile(listener_);
}

// Takes no more connections first: they are the next daemon's.
void Daemon::EndServing() {
  if (acceptor_ != nullptr) reactor_->Await([this] { acceptor_.reset(); });
  if (runtime_ != nullptr) runtime_->announcer().EndWatching();
  if (volumes_ != nullptr) volumes_->Stop();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  if (async_calls_ != nullptr) async_calls_->Stop();
}

Result<> Daemon::OpenDirectories() {
  // Containers reach their files below the root by bind mounts only, never by path.
  TRY(MakeDir(config_.root, 0700));
  TRY(MakeDir(config_.state, 0711));
  TRY(MakeDir(config_.state + "/sandboxes", 0700));
  lock_ = TRY(LockRoot(config_.root, kRootPatienceMs, [this](const std::string& holder) {
    log_.Log(LogLevel::kWarning, "waiting for another davitd to release this root",
             {{"root", config_.root}, {"holder", holder}});
  }));
  return {};
}

Result<> Daemon::OpenSocket() {
  std::string path = SocketPath(config_);
  TRY(MakeDir(std::filesystem::path(path).parent_path(), 0711));
  listener_ = TRY(OpenListener(path));
  return {};
}

Result<> Daemon::OpenStores(const std::string& program_dir) {
  records_ = TRY(Records::Open(config_.root + "/davit.db"));
  snapshotter_ = TRY(snapshotter::Snapshotter::Open(config_.root + "/snapshots"));
  // As in cri/spec/mounts.cc.
  TRY(snapshotter_->AddMountPoints({"dev", "proc", "sys", "etc"},
                                   {"etc/hostname", "etc/hosts", "etc/resolv.conf"}));
  layers_ = std::make_unique<SnapshotLayerStore>(*snapshotter_);
  image_records_ = std::make_unique<DatabaseImageRecords>(*records_, log_);
  images::ImageStore::Config images;
  images.certs_d = RegistryConfigPath(config_.registry);
  images.unpack_program = unpack_program_ = program_dir + "/davit-unpack";
  rootfs_program_ = program_dir + "/davit-rootfs";
  images.retention.unfinished_ms = config_.image.keep_unfinished_ms;
  images.retention.blobs = config_.image.keep_blobs;
  images.low_speed_bytes = config_.image.min_speed;
  images.fair_speed_bytes = config_.image.fair_speed;
  images.verifier = VerifierConfig(config_.image.verifier, program_dir, log_);
  blobs_ = TRY(images::BlobStore::Create(config_.root + "/blobs"));
  images_ = TRY(images::ImageStore::Open(images, *layers_, *image_records_, *blobs_));
  image_exchange_ = std::make_unique<images::ImageExchange>(ImageLoads());
  return {};
}

// A start that finds nothing to check, which is the usual one, needs no line. The preloader may have an
// archive with what was lost.
void Daemon::StartChecking() {
  auto report = [this, looked = false](const images::StartFindings& found) mutable {
    bool bad = !found.damaged_layers.empty() || !found.repaired.empty() || !found.forgotten.empty() ||
               !found.postponed.empty();
    if (!bad && found.layers_checked == 0) return;
    bool lost = !found.forgotten.empty() || !found.postponed.empty();
    // A look also loads images of the archives that an operator has removed, so images that are still waited
    // for cause only one.
    if (lost && preloader_ && (!looked || !found.forgotten.empty())) preloader_->LookAgain();
    looked = looked || lost;
    log_.Log(bad ? LogLevel::kWarning : LogLevel::kInfo, "checked images after a boot",
             {{"layers", std::to_string(found.layers_checked)},
              {"damaged", Listed(found.damaged_layers)},
              {"repaired", Listed(found.repaired)},
              {"forgotten", Listed(found.forgotten)},
              {"not restored yet", Listed(found.postponed)}});
  };
  start_check_ = std::make_unique<images::StartCheck>(*images_, report);
}

// A directory that cannot be watched costs its images, not the daemon.
void Daemon::StartPreloading() {
  const std::string& configured = config_.image.preload_dir;
  images::Preloader::Config preload;
  preload.directory = configured.empty() ? config_.root + "/preload" : configured;
  preload.state_file = config_.root + "/preloaded";
  auto report = [this](const images::PreloadEvent& event) {
    if (event.error) {
      log_.Log(LogLevel::kError, "cannot preload",
               {{"file", event.file}, {"image", event.image}, {"error", event.error->ToString()}});
    } else {
      log_.Log(LogLevel::kInfo, "preloaded", {{"file", event.file}, {"image", event.image}});
      for (const std::string& warning : event.warnings)
        log_.Log(LogLevel::kWarning, "preloaded", {{"image", event.image}, {"warning", warning}});
    }
  };
  auto preloader = images::Preloader::Start(preload, ImageLoads(), report);
  if (preloader) {
    preloader_ = std::move(*preloader);
  } else {
    report({preload.directory, "", std::move(preloader).error()});
  }
}

Result<> Daemon::LabelLayers(const SeLinuxHost& selinux) {
  return selinux.shared_file.empty() ? Result<>() : snapshotter_->LabelLayers(selinux.shared_file.ToString());
}

Result<> Daemon::OpenHost(const std::string& program_dir) {
  cgroups_ = TRY(NodeCgroups::Open(config_.cgroup, log_));
  spawner_ = TRY(ShimSpawner::Start(cgroups_->shims()));
  NodeNetwork::Options network = TRY(NetworkOptions(config_.network, config_.root));
  network.address_mark = TRY(SettingIn(*records_, kAddressMark));
  network_ = TRY(NodeNetwork::Open(network, TRY(SettingIn(*records_, kPodCidr)), log_));
  user_networks_ = std::make_unique<UserNetworks>(UserNetworks::Options{network.bridge, {}}, log_);
  all_networks_ = std::make_unique<AllNetworks>(*network_, *user_networks_);
  responders_ = std::make_unique<dns::Responders>();
  networks_ = std::make_unique<local::Networks>(
      local::Networks::Ports{*user_networks_, *records_, *responders_, network.bridge.subnets,
                             network.bridge.name, log_, SystemClock(), events_});
  outputs_ = TRY(Reactor::Start());
  launcher_ = TRY(ShimLauncher::Create(program_dir + "/davit-shim", config_.state, STDERR_FILENO,
                                       [this](const SpawnRequest& shim) { return spawner_->Spawn(shim); }));
  reactor_ = TRY(Reactor::Start());
  shims_ = std::make_unique<NodeShims>(*launcher_, *reactor_);
  return {};
}

Result<> Daemon::Serve() {
  admission_ =
      std::make_unique<Admission>(Admission::DefaultLimits(DescriptorLimit()), [this] { heap_->Note(); });
  heap_ = TRY(HeapTrimmer::Start(*outputs_, [this] { return admission_->busy(); }));
  runtime_service_ = std::make_unique<RuntimeService>(*runtime_, *streams_, *admission_, log_);
  image_service_ = std::make_unique<ImageService>(
      *images_, *snapshotter_, pinned_, [this] { return local_->Uses(); }, *admission_, log_);
  images_api_ = std::make_unique<ImagesApi>(
      *images_, *image_exchange_, *snapshotter_,
      [this] {
        std::vector<ContainerUse> uses = runtime_->containers().Uses(Owner::kCri);
        std::ranges::move(local_->Uses(), std::back_inserter(uses));
        return uses;
      },
      pinned_, *admission_, log_);
  networks_api_ =
      std::make_unique<local::NetworksApi>(*networks_, runtime_->network_report(), *admission_, log_);
  if (Result<> accepting = AcceptSessions(); !accepting)
    log_.Log(LogLevel::kError, "no sessions: davit exec -it and the like do not work",
             {{"error", accepting.error().ToString()}});
  local::TakeSession take = [this](const std::string& token) -> Result<UniqueFd> {
    if (sessions_ != nullptr) return sessions_->Take(token);
    return Fail(Code::kFailedPrecondition, "begin", "session",
                "the daemon has no session socket; see its log");
  };
  containers_api_ = std::make_unique<local::ContainersApi>(*local_, take, *admission_, log_);
  sessions_api_ =
      std::make_unique<local::SessionsApi>(*local_, runtime_->sessions(), take, *admission_, log_);
  volumes_api_ = std::make_unique<local::VolumesApi>(*volumes_, *admission_, log_);
  filesystems_api_ = std::make_unique<local::FilesystemsApi>(*filesystems_, *admission_, log_);
  events_api_ = std::make_unique<local::EventsApi>(events_, *admission_, log_);
  grpc::ResourceQuota quota("davitd");
  quota.SetMaxThreads(admission_->most_threads() + kSpareThreads);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.SetMaxSendMessageSize(kMaxMessage);
  constexpr auto kFromFd = grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;
  entitled_ = builder.experimental().AddExternalConnectionAcceptor(kFromFd, EntitledCredentials());
  others_ = builder.experimental().AddExternalConnectionAcceptor(kFromFd, grpc::InsecureServerCredentials());
  builder.RegisterService(runtime_service_.get());
  builder.RegisterService(image_service_.get());
  builder.RegisterService(images_api_.get());
  builder.RegisterService(networks_api_.get());
  builder.RegisterService(containers_api_.get());
  builder.RegisterService(volumes_api_.get());
  builder.RegisterService(sessions_api_.get());
  builder.RegisterService(filesystems_api_.get());
  builder.RegisterService(events_api_.get());
  async_calls_ = std::make_unique<AsyncCalls>(
      builder, *runtime_service_, *admission_, log_,
      [this](auto on_news, auto cut_off) { return runtime_->announcer().Watch(on_news, cut_off); },
      [this](const v1::ExecSyncRequest& request, Call& call, std::stop_token gone, auto done) {
        runtime_->execs().RunSync(request, call, std::move(gone), done);
      });
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return Fail(Code::kInternal, "serve", config_.listen, "gRPC does not start");
  async_calls_->Start();
  runtime_service_->AcceptListStreams(async_calls_->lists());
  image_service_->AcceptListStreams(async_calls_->lists());
  images_api_->AcceptListStreams(async_calls_->lists());
  containers_api_->AcceptAsync(async_calls_->lists());
  events_api_->AcceptAsync(async_calls_->lists().thread);
  volumes_api_->AcceptListStreams(async_calls_->lists());
  return AcceptConnections();
}

Result<> Daemon::AcceptSessions() {
  std::string path = SocketPath(config_);
  sessions_ = TRY(SessionTable::Start(*reactor_, TRY(OpenSessionSocket(path)),
                                      [path](int connection) { return MayUseOwnApi(connection, path); }));
  return {};
}

Result<> Daemon::AcceptConnections() {
  UniqueFd listener = TRY(Duplicate(listener_.socket.get(), config_.listen));
  Result<> started;
  reactor_->Await([&] {
    auto acceptor = Acceptor::Start(reactor_->loop(), std::move(listener), [this](UniqueFd connection) {
      auto& chosen = MayUseOwnApi(connection.get(), SocketPath(config_)) ? entitled_ : others_;
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters handed_over;
      handed_over.listener_fd = listener_.socket.get();
      handed_over.fd = connection.Release();
      chosen->HandleNewConnection(&handed_over);
    });
    if (!acceptor)
      started = std::unexpected(acceptor.error());
    else
      acceptor_ = std::move(*acceptor);
  });
  return started;
}

}  // namespace davit::cri
