// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"
#include "local/log_files.h"
#include "local/pod_config.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

// The shim's answer; a log whose disk hangs is tried again.
constexpr int64_t kReopenMs = 5'000;
constexpr int64_t kSoonMs = 1'000;

}  // namespace

std::string LocalContainers::LogOf(const std::string& id) const {
  return DirectoryOf(id) + "/" + kLogName;
}

// Schedule knows when the next look is due, unless the log grows fast.
void LocalContainers::LookAtLog(LocalContainer& container) {
  std::optional<Run> run = container.run();
  if (!run || !container.record().Read(IsRunning)) return;
  const int64_t now = ports_.clock.MonotonicMilliseconds();
  auto reopen = [&]() -> Result<> {
    v1::ReopenContainerLogRequest request;
    request.set_container_id(run->container_id);
    cri::Call call = LocalCall(now + kReopenMs);
    TRY(ports_.runtime.containers().ReopenLog(request, call));
    return {};
  };
  if (KeepLogBound(container, reopen)) keeper_.LookAt(Lane::kLogs, container.id(), now + kSoonMs);
}

// A run that is too short for a look adds no more than its own output.
void LocalContainers::RotateBeforeRun(const LocalContainer& container) const {
  KeepLogBound(container, [&] { return MakeLog(LogOf(container.id())); });
}

bool LocalContainers::KeepLogBound(const LocalContainer& container,
                                   const std::function<Result<>()>& reopen) const {
  Result<bool> rotated = RotateLog(LogOf(container.id()), LogBoundOf(container.spec()), reopen);
  if (!rotated) LogProblem("log of a container not rotated", container.id(), rotated.error());
  return rotated.value_or(false);
}

}  // namespace davit::local
