// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>

#include "base/codec.h"
#include "cri/runtime/runtime.h"

namespace davit {
namespace {

constexpr int kThreads = 8;
// One hung pod does not hold up the node: the daemon serves after this, and the pod is met when its shim
// answers.
constexpr std::chrono::milliseconds kServeAfter(2'000);
constexpr int64_t kShimPatienceMs = 60'000;

void TellToEnd(int socket) {
  (void)SendFrame(socket, kShimProtocolVersion, static_cast<uint16_t>(ShimMessage::kShutdown),
                  /*request_id=*/1, "");
}

// A name may stand in two records: of what is in use, and of what could not be removed. The first one keeps
// it.
void RestoreName(NameTable& names, const std::string& name, const std::string& fingerprint,
                 const std::string& id) {
  Result<NameTable::Claim> claim = names.Take(name, fingerprint);
  if (claim && claim->owner) names.Settle(name, id);
}

// Counts the sandboxes that are still to be reconciled.
class Countdown {
 public:
  explicit Countdown(size_t count) : left_(count) {}

  void Finish() {
    MutexLock lock(mutex_);
    if (--left_ == 0) done_.NotifyAll();
  }

  void Wait(std::chrono::milliseconds patience) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    MutexLock lock(mutex_);
    while (left_ > 0 && done_.WaitUntil(mutex_, deadline)) {
    }
  }

 private:
  Mutex mutex_;
  CondVar done_;
  size_t left_ GUARDED_BY(mutex_);
};

}  // namespace

Result<> Runtime::Recover() {
  std::vector<SandboxPtr> sandboxes = TRY(LoadRecords());
  EndStrayShims();
  TRY(CollectOrphans(sandboxes));

  auto queue = std::make_shared<std::vector<SandboxPtr>>(std::move(sandboxes));
  auto next = std::make_shared<std::atomic<size_t>>(0);
  auto met = std::make_shared<Countdown>(queue->size());
  for (int i = 0; i < kThreads; ++i) {
    recovery_.emplace_back([this, queue, next, met] {
      for (size_t item = (*next)++; item < queue->size(); item = (*next)++) {
        Reconcile((*queue)[item]);
        met->Finish();
      }
    });
  }
  met->Wait(kServeAfter);
  shims_.Refill(std::chrono::milliseconds(0));
  return {};
}

Result<std::vector<SandboxPtr>> Runtime::LoadRecords() {
  std::vector<SandboxPtr> sandboxes;
  for (SandboxRow& row : TRY(host_.records.Sandboxes())) {
    SandboxRecord record = TRY(Decode<SandboxRecord>(row.blob, "record of sandbox " + row.id));
    v1::PodSandboxConfig config;
    if (!config.ParseFromString(record.config))
      return Fail(Code::kDataLoss, "decode", "config of sandbox " + row.id);
    levels_.Hold(record.id, record.selinux_level.value);
    std::string name = SandboxName(config.metadata());
    std::string bytes = record.config;
    auto sandbox = std::make_shared<Sandbox>(std::move(record), std::move(config), SandboxWriter());
    RestoreName(sandbox_names_, name, bytes, sandbox->id());
    pods_.AddSandbox(sandbox);
    sandboxes.push_back(std::move(sandbox));
  }
  for (ContainerRow& row : TRY(host_.records.Containers())) {
    ContainerRecord record = TRY(Decode<ContainerRecord>(row.blob, "record of container " + row.id));
    v1::ContainerConfig config;
    if (!config.ParseFromString(record.config))
      return Fail(Code::kDataLoss, "decode", "config of container " + row.id);
    SandboxPtr sandbox = TRY(pods_.FindSandbox(record.sandbox_id));
    host_.images.HoldLayers(record.AllLayers());
    levels_.Hold(record.id, config.linux().security_context().selinux_options().level());
    std::string name = ContainerName(config.metadata(), record.sandbox_id);
    std::string bytes = record.config;
    auto container =
        std::make_shared<Container>(std::move(record), std::move(config), sandbox, ContainerWriter());
    RestoreName(container_names_, name, bytes, container->id());
    pods_.RestoreContainer(container);
  }
  RememberAnnounced();
  return sandboxes;
}

// Shims whose sandbox has no record: a power cut of the records, or a removal that ended between the two.
void Runtime::EndStrayShims() {
  Result<std::vector<std::string>> ids = host_.shims.Sockets();
  if (!ids) return;
  for (const std::string& id : *ids) {
    if (pods_.FindSandbox(id)) continue;
    if (Result<UniqueFd> socket = host_.shims.Connect(id)) {
      TellToEnd(socket->get());
    }
    host_.shims.RemoveSocket(id);
  }
}

Result<> Runtime::CollectOrphans(const std::vector<SandboxPtr>& sandboxes) {
  std::set<std::string> containers;
  for (const ContainerPtr& container : pods_.Containers()) containers.insert(container->id());
  TRY(host_.snapshotter.Collect(host_.images.LiveLayers(), containers));

  std::vector<RecordedPod> pods;
  for (const SandboxPtr& sandbox : sandboxes) pods.push_back({sandbox->config(), sandbox->record().Get()});
  for (const auto& [id, problem] : host_.network.Recover(pods))
    host_.log.Log(LogLevel::kError, "the network of a pod is not as it was",
                  {{"sandbox", id}, {"error", problem.ToString()}});

  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(host_.config.state + "/sandboxes", ignored)) {
    if (!pods_.FindSandbox(entry.path().filename())) std::filesystem::remove_all(entry.path(), ignored);
  }
  return {};
}

void Runtime::Reconcile(const SandboxPtr& sandbox) {
  SandboxPhase phase = sandbox->record().Read([](const SandboxRecord& r) { return r.phase; });
  if (phase != SandboxPhase::kStopped && !MeetShim(sandbox)) OnShimDied(sandbox);
  if (phase == SandboxPhase::kStopped) OnShimDied(sandbox);
  for (const ContainerPtr& container : pods_.ContainersOf(sandbox->id())) {
    if (container->phase() == ContainerPhase::kRemoving) (void)ForgetContainer(container);
  }
  if (phase != SandboxPhase::kCreating) return;
  // The daemon died while it made this one. Nobody has been told its id; the client's retry makes another.
  Spans spans;
  (void)UndoSandbox(sandbox, "the daemon ended while it made it", spans);
}

// False when the shim is gone.
bool Runtime::MeetShim(const SandboxPtr& sandbox) {
  Result<UniqueFd> socket = host_.shims.Connect(sandbox->id());
  if (!socket) return false;
  SandboxRecord record = sandbox->record().Get();
  Result<PidFd> process =
      PidFd::Open(ProcessIdentity{record.shim_pid, record.shim_start_time, record.shim_boot_id});
  if (!process) {
    // The daemon died before it wrote the shim's identity down, so nobody has been told of the sandbox.
    TellToEnd(socket->get());
    return false;
  }
  auto link = ShimLink::Open(host_.reactor, sandbox->id(), std::move(*socket), std::move(*process),
                             EventsOf(sandbox));
  sandbox->SetLink(link);
  Result<Frame> reply = link->Call(ShimMessage::kHello, "", {}, MonotonicMilliseconds() + kShimPatienceMs);
  Result<HelloReply> hello =
      reply ? Decode<HelloReply>(reply->payload, "HelloReply") : std::unexpected(reply.error());
  if (!hello) {
    host_.log.Log(LogLevel::kError, "shim does not answer",
                  {{"sandbox", sandbox->id()}, {"error", hello.error().ToString()}});
    return link->alive();
  }
  if (hello->has_user_namespace && !reply->fds.empty()) {
    sandbox->SetUserNamespace(std::move(reply->fds.back()));
    reply->fds.pop_back();
  }
  for (const ContainerPtr& container : pods_.ContainersOf(sandbox->id())) {
    auto live = std::find_if(hello->containers.begin(), hello->containers.end(),
                             [&](const LiveContainer& c) { return c.container_id == container->id(); });
    size_t index = static_cast<size_t>(live - hello->containers.begin());
    bool is_live = live != hello->containers.end() && index < reply->fds.size();
    ReconcileContainer(container, is_live ? &*live : nullptr, is_live ? &reply->fds[index] : nullptr);
  }
  return true;
}

void Runtime::ReconcileContainer(const ContainerPtr& container, const LiveContainer* live, UniqueFd* init) {
  ContainerPhase phase = container->phase();
  if (live != nullptr) {
    // It may have been started by a request that the daemon did not live to answer.
    (void)container->record().Change([](ContainerRecord& r) {
      if (r.phase == ContainerPhase::kCreated) r.phase = ContainerPhase::kStarting;
    });
    (void)MarkStarted(container, *live, std::move(*init));
    return;
  }
  if (phase == ContainerPhase::kExited || phase == ContainerPhase::kRemoving) return;
  if (Result<ContainerExited> exited = host_.shims.ReadExitRecord(container->id())) {
    (void)container->record().Change([](ContainerRecord& r) { r.phase = ContainerPhase::kStarting; });
    ApplyExit(container, *exited);
  } else if (phase == ContainerPhase::kStarting) {
    // The request never reached its end. Whatever the shim still does for it ends here, and a retry starts
    // it.
    KillProcess(*container);
    CollectContainer(*container);
    (void)container->record().Change([](ContainerRecord& r) { r.phase = ContainerPhase::kCreated; });
  } else if (phase == ContainerPhase::kRunning) {
    LoseContainer(container);
  }
}

}  // namespace davit
