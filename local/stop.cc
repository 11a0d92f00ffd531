// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <signal.h>

#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr uint32_t kGraceSeconds = 10;

uint32_t GraceOf(const LocalContainer& container, std::optional<uint32_t> wanted) {
  if (wanted) return *wanted;
  const api::ContainerSpec& spec = container.spec();
  return spec.has_stop_grace_seconds() ? spec.stop_grace_seconds() : kGraceSeconds;
}

bool HasNoRun(const LocalRecord& record) {
  return !IsRunning(record) || record.gone;
}

}  // namespace

Result<> LocalContainers::Stop(const std::string& container, std::optional<uint32_t> grace_seconds,
                               int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  return StopContainer(*found, GraceOf(*found, grace_seconds), deadline_ms);
}

// Does not wait for a start that hangs: it stops what that has made so far.
Result<> LocalContainers::StopContainer(LocalContainer& container, uint32_t grace_seconds,
                                        int64_t deadline_ms) {
  TRY(container.record().TryChange(local::Stop));
  if (std::optional<Run> run = container.AwaitRun(deadline_ms)) {
    v1::StopContainerRequest request;
    request.set_container_id(run->container_id);
    request.set_timeout(grace_seconds);
    cri::Call call = LocalCall(deadline_ms);
    TRY(ports_.runtime.containers().Stop(request, call));
  }
  TRY(CollectEnd(container, deadline_ms));
  if (container.record().WaitUntil(HasNoRun, deadline_ms, ports_.clock)) return {};
  return Fail(Code::kDeadlineExceeded, "stop container", container.name(), "it still has a pod");
}

Result<> LocalContainers::Restart(const std::string& container, std::optional<uint32_t> grace_seconds,
                                  int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  if (found->spec().auto_remove() && found->record().Read(IsRunning)) {
    return Fail(Code::kFailedPrecondition, "restart container", found->name(),
                "it was created to be removed when it has ended");
  }
  TRY(StopContainer(*found, GraceOf(*found, grace_seconds), deadline_ms));
  return StartContainer(*found, StartedBy::kPerson, deadline_ms);
}

// As in Docker, a container that somebody has killed stays dead.
Result<> LocalContainers::Kill(const std::string& container, int signo, int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  std::optional<Run> run = found->run();
  if (!run) {
    return Fail(Code::kFailedPrecondition, "kill container", found->name(), "it is not running");
  }
  if (signo == SIGKILL) TRY(found->record().TryChange(local::Stop));
  cri::Call call = LocalCall(deadline_ms);
  return ports_.runtime.containers().Signal(run->container_id, signo, call);
}

}  // namespace davit::local
