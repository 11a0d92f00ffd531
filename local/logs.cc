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

// Schedule knows when the next look is due, unless the log grows fast.
void LocalContainers::LookAtLog(LocalContainer& container) {
  std::optional<Run> run = container.run();
  if (!run) return;
  const int64_t now = ports_.clock.MonotonicMilliseconds();
  auto reopen = [&]() -> Result<> {
    v1::ReopenContainerLogRequest request;
    request.set_container_id(run->container_id);
    cri::Call call = LocalCall(now + kReopenMs);
    TRY(ports_.runtime.containers().ReopenLog(request, call));
    return {};
  };
  Result<bool> rotated =
      RotateLog(DirectoryOf(container.id()) + "/" + kLogName, LogBoundOf(container.spec()), reopen);
  if (!rotated) LogProblem("log of a container not rotated", container.id(), rotated.error());
  if (rotated && *rotated) keeper_.LookAt(Lane::kLogs, container.id(), now + kSoonMs);
}

}  // namespace davit::local
