// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <chrono>

#include "base/background.h"
#include "base/guarded.h"
#include "base/rollback.h"
#include "cri/network/bandwidth_limits.h"
#include "cri/network/network_request.h"
#include "cri/pods/names.h"
#include "cri/runtime/record_writers.h"
#include "cri/runtime/sandboxes.h"
#include "cri/runtime/sysctl_defaults.h"
#include "cri/spec/field.h"
#include "cri/spec/sandbox_plan.h"

namespace davit::cri {
namespace {

// For a pod whose first container does not start soon; one that does has the next shim started
// (container_start.cc). While it starts, the two would hold each other up at the kernel's locks.
constexpr std::chrono::milliseconds kRefillPatience(200);

// What makes two requests the same.
std::string FingerprintOfRun(const std::string& handler, const v1::PodSandboxConfig& config) {
  return FingerprintOf(config) + "/" + handler;
}

// Whether a network was chosen for it.
bool IsToBeAttached(const SandboxRecord& record) {
  return !record.addresses.empty() || record.plugins.has_value();
}

// All but the phase, which is the state machine's.
void TakeWhatWasMade(const SandboxRecord& made, SandboxRecord& record) {
  record.addresses = made.addresses;
  record.plugins = made.plugins;
  record.host_interface = made.host_interface;
  record.mac = made.mac;
  record.shim_pid = made.shim_pid;
  record.shim_start_time = made.shim_start_time;
  record.shim_boot_id = made.shim_boot_id;
}

}  // namespace

Result<v1::RunPodSandboxResponse> Sandboxes::Run(const v1::RunPodSandboxRequest& request, Call& call,
                                                 const NetworkWish& network, uint64_t shm_bytes) {
  TRY(Check(request));
  std::string name = SandboxName(request.config().metadata());
  OncePerName::Turn turn =
      TRY(NamesOf(call.owner).Take(name, FingerprintOfRun(request.runtime_handler(), request.config())));
  if (turn.owner()) return Make(request, network, shm_bytes, turn, call);
  v1::RunPodSandboxResponse response;
  response.set_pod_sandbox_id(TRY(turn.Join(call.deadline_ms)));
  Result<SandboxPtr> sandbox = ports_.pods.FindSandbox(response.pod_sandbox_id(), call.owner);
  if (sandbox && (*sandbox)->ready()) return response;
  return Fail(Code::kAlreadyExists, "reserve name", name,
              "held by sandbox " + response.pod_sandbox_id() + ", which is not ready");
}

Result<> Sandboxes::Check(const v1::RunPodSandboxRequest& request) const {
  TRY(ValidateSandboxConfig(request.config()));
  TRY(CheckCgroupParent(request.config().linux().cgroup_parent()));
  TRY(Handlers(ports_.config.handlers).Find(request.runtime_handler()));
  TRY(HostPorts(request.config()));
  TRY(BandwidthOf(request.config()));
  return ports_.confinement.CheckPod(request.config());
}

Result<> Sandboxes::CheckCgroupParent(const std::string& parent) const {
  if (parent.empty()) return {};
  Result<CgroupPath> path = ports_.cgroups.placement().Parent(parent);
  return path ? Result<>() : BadField("config.linux.cgroup_parent", parent, path.error().context);
}

Result<v1::RunPodSandboxResponse> Sandboxes::Make(const v1::RunPodSandboxRequest& request,
                                                  const NetworkWish& network, uint64_t shm_bytes,
                                                  OncePerName::Turn& turn, Call& call) {
  auto fail = [&turn](Error error) {
    turn.Settle(std::unexpected(error));
    return std::unexpected(std::move(error));
  };
  Result<NewShim> shim = ports_.shims.Take();
  if (!shim) return fail(std::move(shim).error());
  call.spans.Mark("shim");
  auto recorded =
      Guarded("record", "sandbox", [&] { return Record(shim->sandbox_id, request, network, call.owner); });
  if (!recorded) {
    ports_.shims.Discard(std::move(*shim));
    return fail(std::move(recorded).error());
  }
  SandboxPtr sandbox = *recorded;
  call.spans.Mark("record");
  Result<> up = Guarded("bring up", "sandbox", [&]() -> Result<> {
    TRY(BringUp(sandbox, std::move(*shim), shm_bytes, call));
    ports_.pods.AddSandbox(sandbox);
    return {};
  });
  if (!up) {
    Error failure = Within("run sandbox " + SandboxName(request.config().metadata()), up.error());
    if (Undo(sandbox, failure.ToString(), call.spans)) return fail(std::move(failure));
    // What is left of it keeps the name; calls that joined find it not ready.
    turn.Settle(sandbox->id());
    return std::unexpected(std::move(failure));
  }
  ports_.announcer.Announce(*sandbox);
  turn.Settle(sandbox->id());
  ports_.shims.Refill(kRefillPatience);
  v1::RunPodSandboxResponse response;
  response.set_pod_sandbox_id(sandbox->id());
  return response;
}

// The lease and the record come first: from here on a crash leaves nothing that recovery does not know. (A
// shim without a record ends with the daemon.)
Result<SandboxPtr> Sandboxes::Record(const std::string& id, const v1::RunPodSandboxRequest& request,
                                     const NetworkWish& network, Owner owner) {
  const v1::PodSandboxConfig& config = request.config();
  SandboxRecord record = phases::NewSandbox(id, ports_.clock.UnixNanoseconds());
  record.owner = owner;
  record.runtime_handler = request.runtime_handler();
  const std::string& parent = config.linux().cgroup_parent();
  record.own_cgroup_parent = parent.empty();
  const CgroupPlacement& placement = ports_.cgroups.placement();
  record.cgroup_parent = parent.empty() ? placement.OwnPod(record.id) : TRY(placement.Parent(parent)).text();
  Rollback rollback;
  record.selinux_level = TRY(ports_.confinement.TakeLevel(id, config));
  rollback.Add([&] { ports_.confinement.GiveLevelBack(id); });
  rollback.Add([&] { ports_.network.GiveBack(record); });
  if (HasOwnNetwork(config) && network.use == NetworkUse::kAttached) {
    record.network = network.user_network;
    record.addresses = network.addresses;
    TRY(ports_.network.Choose(record));
  }
  // The row is written last: nothing that can fail follows it.
  auto shared = std::make_shared<const v1::PodSandboxConfig>(config);
  auto sandbox = std::make_shared<Sandbox>(record, shared, SandboxWriter(ports_.records, shared));
  TRY(ports_.records.PutSandbox(RowOf(record, config)));
  rollback.Dismiss();
  return sandbox;
}

Result<> Sandboxes::BringUp(const SandboxPtr& sandbox, NewShim shim, uint64_t shm_bytes, Call& call) {
  SandboxRecord record = sandbox->record().Get();
  record.shim_pid = shim.identity.pid;
  record.shim_start_time = shim.identity.start_time;
  record.shim_boot_id = shim.identity.boot_id;
  Rollback rollback;
  // A failure of any step leaves Undo a record that names what is to be ended and detached. A failed Attach
  // has written what it made, too.
  rollback.Add(
      [&] { (void)sandbox->record().Change([&](SandboxRecord& r) { TakeWhatWasMade(record, r); }); });
  ShimPtr client = ports_.shims.Adopt(std::move(shim), ports_.watch.EventsOf(sandbox));
  sandbox->SetShim(client);
  shim::SandboxPlan plan =
      TRY(BuildSandboxPlan(sandbox->config(), sandbox->id(), SysctlDefaultsOf(ports_.config)));
  if (shm_bytes > 0) plan.shm_bytes = shm_bytes;
  plan.selinux_files = TRY(ports_.confinement.FilesContextOf(*sandbox));
  Background<> files_and_cgroup(ports_.workers, [this, &sandbox, before = record]() -> Result<> {
    TRY(ports_.files.Write(*sandbox, before.addresses));
    return MakeCgroup(before);
  });
  PodNamespaces namespaces = TRY(client->StartSandbox(plan, OperationDeadline()));
  call.spans.Mark("namespaces");
  if (IsToBeAttached(record)) TRY(ports_.network.Attach(sandbox->config(), namespaces.network.get(), record));
  call.spans.Mark("network");
  sandbox->SetUserNamespace(std::move(namespaces.user));
  TRY(files_and_cgroup.Wait());
  if (record.plugins) TRY(ports_.files.Write(*sandbox, record.addresses));  // known only now
  call.spans.Mark("files+cgroup");
  TRY(sandbox->BecomeReady([&record](SandboxRecord& r) { TakeWhatWasMade(record, r); }));
  rollback.Dismiss();
  call.spans.Mark("ready");
  return {};
}

Result<> Sandboxes::MakeCgroup(const SandboxRecord& record) {
  if (!record.own_cgroup_parent) return {};  // the kubelet has made it, with its limits
  return ports_.cgroups.CreatePod(record.cgroup_parent);
}

// The same path takes down a sandbox that never stood and one that did.
bool Sandboxes::Undo(const SandboxPtr& sandbox, const std::string& reason, Spans& spans) {
  Result<> undone = Guarded("undo", "sandbox", [&]() -> Result<> {
    TRY(Release(sandbox, OperationDeadline(), spans));
    return Forget(sandbox);
  });
  if (undone) return true;
  ports_.log.Log(LogLevel::kError, "unfinished sandbox not removed",
                 {{"sandbox", sandbox->id()}, {"error", undone.error().ToString()}});
  (void)sandbox->record().TryChange([&reason](SandboxRecord& r) { return phases::NotUndone(r, reason); });
  ports_.pods.AddSandbox(sandbox);
  ports_.announcer.Announce(*sandbox);
  return false;
}

void Sandboxes::RestoreName(const Sandbox& sandbox) {
  std::string handler = sandbox.record().Read([](const SandboxRecord& r) { return r.runtime_handler; });
  NamesOf(sandbox.owner())
      .Restore(SandboxName(sandbox.config().metadata()), FingerprintOfRun(handler, sandbox.config()),
               sandbox.id());
}

}  // namespace davit::cri
