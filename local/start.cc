// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <map>

#include "base/guarded.h"
#include "local/local_containers.h"
#include "local/pod_config.h"
#include "local/port_use.h"
#include "shim/exit_code.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr int64_t kFirstLogLookMs = 1'000;

api::PortMapping::Protocol ProtocolOf(const api::PortMapping& port) {
  return port.protocol() == api::PortMapping::PROTOCOL_UNSPECIFIED ? api::PortMapping::TCP : port.protocol();
}

// The ports that a container wants, to be compared with many others.
class WantedPorts {
 public:
  explicit WantedPorts(const api::ContainerSpec& spec) {
    for (const api::PortMapping& port : spec.ports())
      by_number_.emplace(std::pair(port.host_port(), ProtocolOf(port)), &port);
  }
  // One that cannot be had beside `held`; null if there is none.
  const api::PortMapping* Against(const api::PortMapping& held) const {
    auto [first, last] = by_number_.equal_range({held.host_port(), ProtocolOf(held)});
    auto overlaps = [&held](const auto& wanted) {
      const std::string& address = wanted.second->host_ip();
      return address.empty() || held.host_ip().empty() || address == held.host_ip();
    };
    auto found = std::find_if(first, last, overlaps);
    return found == last ? nullptr : found->second;
  }

 private:
  std::multimap<std::pair<uint32_t, api::PortMapping::Protocol>, const api::PortMapping*> by_number_;
};

}  // namespace

Result<> LocalContainers::Start(const std::string& container, int64_t deadline_ms,
                                cri::AttachedStart* attached) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  return StartContainer(*found, deadline_ms, attached);
}

// One that has ended a moment ago may still count as running.
Result<> LocalContainers::StartContainer(LocalContainer& container, int64_t deadline_ms,
                                         cri::AttachedStart* attached) {
  LocalContainer::Claim claim = TRY(container.Take(deadline_ms));
  if (Result<> collected = CollectEnd(container); !collected)
    return std::unexpected(Within("start container " + container.name() + ": its last run is not removed yet",
                                  std::move(collected).error()));
  if (container.record().Read(IsRunning)) {
    if (attached == nullptr) return {};
    return Fail(Code::kFailedPrecondition, "start container", container.name(), "it is running already");
  }
  TRY(container.CheckReadable("start container"));
  return StartRun(container, StartedBy::kPerson, attached);
}

Result<> LocalContainers::StartRun(LocalContainer& container, StartedBy by, cri::AttachedStart* attached) {
  bool begun = false;
  Result<> recorded = container.record().TryChange(
      [&](LocalRecord& r) { return begun = BeginStart(r, by, ports_.clock.MonotonicMilliseconds()); });
  if (!begun && by == StartedBy::kPolicy) return {};  // somebody wants it otherwise, or it is too early
  if (!begun)
    return Fail(Code::kFailedPrecondition, "start container", container.name(), "it is being removed");
  int32_t exit_code = shim::kNotStarted;
  Result<> up = recorded
                    ? Guarded("start", "container", [&] { return BringUp(container, exit_code, attached); })
                    : recorded;
  if (up) return {};
  Error error = AboutContainer(std::move(up).error());
  (void)container.record().TryChange([&](LocalRecord& r) {
    return StartFailed(r, container.spec(), error.ToString(), exit_code, ports_.clock.UnixNanoseconds());
  });
  NoteEnd(container);
  if (Result<> collected = CollectEnd(container); !collected)
    LogProblem("what a failed start has made is not removed", container.id(), collected.error());
  return std::unexpected(std::move(error));
}

// The network refuses such a port, too, but knows only the holder's pod.
Result<> LocalContainers::CheckPortsOfOthers(const LocalContainer& container) const {
  if (container.spec().ports().empty()) return {};
  const WantedPorts wanted(container.spec());
  for (const LocalContainerPtr& other : roster_.All()) {
    if (other->id() == container.id() || !other->run()) continue;
    for (const api::PortMapping& held : other->spec().ports()) {
      const api::PortMapping* taken = wanted.Against(held);
      if (taken == nullptr) continue;
      return Fail(Code::kFailedPrecondition, "publish port", PortText(*taken),
                  "it is in use by container " + other->name());
    }
  }
  return {};
}

// What it has made when it fails is removed by CollectEnd. Stop knows the run as soon as it has a pod; if it
// came before, the program is not started.
Result<> LocalContainers::BringUp(LocalContainer& container, int32_t& exit_code,
                                  cri::AttachedStart* attached) {
  visits_.EndForStart(container.id());
  TRY(RemovePodsOf(container));
  RotateBeforeRun(container);  // nobody writes the log now
  TRY(CheckPortsOfOthers(container));
  TRY(CheckPortsUnused(container.spec().ports()));
  cri::Call call = LocalCall(cri::OperationDeadline());
  Run run = TRY(MakePod(container, call));
  container.SetRun(run);
  if (container.record().Read([](const LocalRecord& r) { return r.stopped; }))
    return Fail(Code::kCancelled, "start container", container.name(), "it was stopped meanwhile");
  v1::StartContainerRequest start;
  start.set_container_id(run.container_id);
  int64_t now = ports_.clock.UnixNanoseconds();
  if (auto started = ports_.runtime.containers().Start(start, call, attached); !started) {
    exit_code = shim::ExitCodeOf(started.error()).value_or(shim::kNotStarted);
    return std::unexpected(std::move(started).error());
  }
  (void)container.record().TryChange(
      [&](LocalRecord& r) { return Started(r, now, ports_.clock.MonotonicMilliseconds()); });
  Note(container, "start");
  health_.BeginRun(container.id(), run.container_id, container.spec().health(), now);
  keeper_.LookAt(Lane::kLogs, container.id(), ports_.clock.MonotonicMilliseconds() + kFirstLogLookMs);
  return {};
}

void LocalContainers::JoinNetwork(const LocalContainer& container, const std::string& sandbox_id) const {
  if (container.spec().network() != api::ContainerSpec::USER) return;
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  auto answer = ports_.runtime.sandboxes().Status(request, call);
  if (!answer) return;  // it is gone already
  const v1::PodSandboxNetworkStatus& network = answer->status().network();
  std::vector<std::string> addresses;
  if (!network.ip().empty()) addresses.push_back(network.ip());
  for (const v1::PodIP& other : network.additional_ips()) addresses.push_back(other.ip());
  ports_.networks.Join(container.id(), addresses);
}

Result<Run> LocalContainers::MakePod(LocalContainer& container, cri::Call& call) {
  PodRequest request = TRY(PodRequestOf(container.definition(), container.record().Get()));
  TRY(ports_.networks.Prepare(container.id(), container.spec(), request));
  v1::RunPodSandboxRequest run;
  *run.mutable_config() = request.pod;
  container.SetSandbox(std::nullopt);
  Run made{TRY(ports_.runtime.sandboxes().Run(run, call, request.network, container.spec().shm_bytes()))
               .pod_sandbox_id(),
           ""};
  container.SetSandbox(made.sandbox_id);
  JoinNetwork(container, made.sandbox_id);
  v1::CreateContainerRequest create;
  create.set_pod_sandbox_id(made.sandbox_id);
  *create.mutable_config() = request.container;
  made.container_id = TRY(ports_.runtime.containers().Create(create, call, request.extras)).container_id();
  return made;
}

}  // namespace davit::local
