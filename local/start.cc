// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/guarded.h"
#include "base/rollback.h"
#include "local/local_containers.h"
#include "local/pod_config.h"
#include "local/port_use.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

// Why a program was not executed, as shells tell it.
int32_t ExitCodeOf(const Error& error) {
  switch (error.os_errno) {
    case ENOENT:
      return kNotFound;
    case EACCES:
    case EISDIR:
    case ENOEXEC:
    case ENOTDIR:
      return kNotExecutable;
    default:
      return kNotStarted;
  }
}

bool Overlap(const api::PortMapping& a, const api::PortMapping& b) {
  auto protocol = [](const api::PortMapping& port) {
    return port.protocol() == api::PortMapping::PROTOCOL_UNSPECIFIED ? api::PortMapping::TCP
                                                                     : port.protocol();
  };
  bool one_address = a.host_ip().empty() || b.host_ip().empty() || a.host_ip() == b.host_ip();
  return a.host_port() == b.host_port() && protocol(a) == protocol(b) && one_address;
}

// The network refuses such a port, too, but knows only the holder's pod.
Result<> CheckPortsOfOthers(const LocalContainer& container, const Roster& roster) {
  if (container.spec().ports().empty()) return {};
  for (const LocalContainerPtr& other : roster.All()) {
    if (other->id() == container.id() || !other->run()) continue;
    for (const api::PortMapping& port : container.spec().ports()) {
      for (const api::PortMapping& held : other->spec().ports()) {
        if (!Overlap(port, held)) continue;
        return Fail(Code::kFailedPrecondition, "publish port", PortText(port),
                    "it is in use by container " + other->name());
      }
    }
  }
  return {};
}

}  // namespace

Result<> LocalContainers::Start(const std::string& container, int64_t deadline_ms,
                                cri::AttachedStart* attached) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  return StartContainer(*found, StartedBy::kPerson, deadline_ms, attached);
}

Result<> LocalContainers::StartContainer(LocalContainer& container, StartedBy by, int64_t deadline_ms,
                                         cri::AttachedStart* attached) {
  LocalContainer::Claim claim = TRY(container.Take(deadline_ms));
  if (container.record().Read(IsRunning)) {
    if (attached == nullptr) return {};
    return Fail(Code::kFailedPrecondition, "start container", container.name(), "it is running already");
  }
  bool begun = false;
  TRY(container.record().TryChange([&](LocalRecord& r) { return begun = BeginStart(r, by); }));
  if (!begun && by == StartedBy::kPolicy) return {};  // somebody wants it otherwise
  if (!begun)
    return Fail(Code::kFailedPrecondition, "start container", container.name(), "it is being removed");
  int32_t exit_code = kNotStarted;
  Result<> up = Guarded("start", "container", [&] { return BringUp(container, exit_code, attached); });
  if (up) return {};
  Error error = std::move(up).error();
  // These would say that the container is missing, or that the client may not start it.
  if (error.code == Code::kNotFound || error.code == Code::kPermissionDenied)
    error.code = Code::kFailedPrecondition;
  (void)container.record().TryChange([&](LocalRecord& r) {
    return StartFailed(r, error.ToString(), exit_code, ports_.clock.UnixNanoseconds());
  });
  return std::unexpected(std::move(error));
}

Result<> LocalContainers::BringUp(LocalContainer& container, int32_t& exit_code,
                                  cri::AttachedStart* attached) {
  TRY(RemovePodsOf(container));
  TRY(CheckPortsOfOthers(container, roster_));
  TRY(CheckPortsUnused(container.spec().ports()));
  cri::Call call = LocalCall(cri::OperationDeadline());
  Run run = TRY(MakePod(container, call));
  Rollback rollback;
  rollback.Add([&] {
    container.SetRun(std::nullopt);
    UndoPod(run.sandbox_id, container.id());
  });
  container.SetRun(run);
  v1::StartContainerRequest start;
  start.set_container_id(run.container_id);
  int64_t now = ports_.clock.UnixNanoseconds();
  if (auto started = ports_.runtime.containers().Start(start, call, attached); !started) {
    exit_code = ExitCodeOf(started.error());
    return std::unexpected(std::move(started).error());
  }
  (void)container.record().TryChange([now](LocalRecord& r) { return Started(r, now); });
  rollback.Dismiss();
  return {};
}

// What stays is removed before the container's next start.
void LocalContainers::UndoPod(const std::string& sandbox_id, const std::string& id) const {
  if (Result<> removed = RemovePod(sandbox_id); !removed)
    LogProblem("pod of a failed start not removed", id, removed.error());
}

Result<Run> LocalContainers::MakePod(LocalContainer& container, cri::Call& call) {
  PodRequest request =
      TRY(BuildPodRequest(container.spec(), container.record().Get(), DirectoryOf(container.id())));
  v1::RunPodSandboxRequest run;
  *run.mutable_config() = request.pod;
  Run made{TRY(ports_.runtime.sandboxes().Run(run, call, request.network)).pod_sandbox_id(), ""};
  v1::CreateContainerRequest create;
  create.set_pod_sandbox_id(made.sandbox_id);
  *create.mutable_config() = request.container;
  Rollback rollback;
  rollback.Add([&] { UndoPod(made.sandbox_id, container.id()); });
  made.container_id = TRY(ports_.runtime.containers().Create(create, call, container.id())).container_id();
  rollback.Dismiss();
  return made;
}

}  // namespace davit::local
