// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/containers.h"

#include <iterator>
#include <utility>

namespace davit::cli {
namespace {

// Beyond the grace period: SIGKILL and the removal of the pod.
constexpr int64_t kStopSeconds = 60;

CallMode ModeOfStop(std::optional<int64_t> grace_seconds) {
  bool short_one = grace_seconds && *grace_seconds + kStopSeconds < kCallSeconds;
  return short_one ? CallMode::kShielded : CallMode::kPatient;
}

}  // namespace

Result<api::Container> InspectContainer(const Daemon& daemon, const std::string& container) {
  api::InspectContainerRequest request;
  request.set_container(container);
  return TRY(daemon.Call(&OwnContainerStub::Inspect, request)).container();
}

Result<std::vector<api::Container>> ListContainers(const Daemon& daemon, bool all, bool sizes) {
  api::ListContainersRequest request;
  request.set_all(all);
  request.set_size(sizes);
  std::vector<api::Container> list;
  TRY((daemon.Read<api::ListContainersRequest, api::ListContainersResponse>(
      &OwnContainerStub::List, request, [&list](const api::ListContainersResponse& part) {
        list.insert(list.end(), part.containers().begin(), part.containers().end());
      })));
  return list;
}

Result<> StartContainer(const Session& session, const std::string& container) {
  api::StartContainerRequest request;
  request.set_container(container);
  TRY(session.daemon.Call(&OwnContainerStub::Start, request, CallMode::kShielded));
  return {};
}

Result<> StopContainer(const Session& session, const std::string& container,
                       std::optional<int64_t> grace_seconds) {
  api::StopContainerRequest request;
  request.set_container(container);
  if (grace_seconds) request.set_grace_seconds(static_cast<uint32_t>(*grace_seconds));
  TRY(session.daemon.Call(&OwnContainerStub::Stop, request, ModeOfStop(grace_seconds)));
  return {};
}

Result<> RemoveContainer(const Session& session, const std::string& container, bool force, bool volumes) {
  api::RemoveContainerRequest request;
  request.set_container(container);
  request.set_force(force);
  request.set_volumes(volumes);
  TRY(session.daemon.Call(&OwnContainerStub::Remove, request, CallMode::kShielded));
  return {};
}

Result<int> AwaitEnd(const Daemon& daemon, const std::string& container,
                     api::WaitContainerRequest::Condition condition) {
  api::WaitContainerRequest request;
  request.set_container(container);
  request.set_condition(condition);
  api::WaitContainerResponse last;
  TRY((daemon.Read<api::WaitContainerRequest, api::WaitContainerResponse>(
      &OwnContainerStub::Wait, request,
      [&last](const api::WaitContainerResponse& message) { last = message; }, CallMode::kPatient)));
  return last.exit_code();
}

Result<> KillContainer(const Daemon& daemon, const std::string& container, int signo) {
  api::KillContainerRequest request;
  request.set_container(container);
  request.set_signal(signo);
  TRY(daemon.Call(&OwnContainerStub::Kill, request));
  return {};
}

Result<v1::ContainerStatus> StatusOfKubelets(const Daemon& daemon, const std::string& id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  return TRY(daemon.Call(&RuntimeStub::ContainerStatus, request)).status();
}

AskContainer AskKubelets(const Daemon& daemon, const std::string& id) {
  return [&daemon, id]() -> Result<Watched> {
    v1::ContainerStatus status = TRY(StatusOfKubelets(daemon, id));
    bool ended = status.state() == v1::CONTAINER_EXITED || status.state() == v1::CONTAINER_UNKNOWN;
    return Watched{ended, status.exit_code()};
  };
}

AskContainer AskLocal(const Daemon& daemon, const std::string& id, bool restarting_goes_on) {
  return [&daemon, id, restarting_goes_on]() -> Result<Watched> {
    Result<api::Container> container = InspectContainer(daemon, id);
    if (!container && container.error().code == Code::kNotFound) {
      Result<int> exit_code = AwaitEnd(daemon, id, api::WaitContainerRequest::REMOVED);
      if (!exit_code) return std::unexpected(std::move(exit_code).error());
      return Watched{/*ended=*/true, *exit_code};
    }
    const api::ContainerState state = TRY(std::move(container)).state();
    bool goes_on = state.status() == api::ContainerState::RUNNING ||
                   (restarting_goes_on && state.status() == api::ContainerState::RESTARTING);
    return Watched{!goes_on, state.exit_code()};
  };
}

}  // namespace davit::cli
