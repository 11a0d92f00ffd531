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

}  // namespace

LogWatch::Next LocalContainers::LookAtLogs() {
  auto next = LogWatch::Next::kOnWake;
  for (const LocalContainerPtr& container : roster_.All()) {
    std::optional<Run> run = container->run();
    if (!run) continue;
    if (next == LogWatch::Next::kOnWake) next = LogWatch::Next::kLater;
    Result<bool> rotated = RotateLogOf(*container, *run);
    if (!rotated) LogProblem("log of a container not rotated", container->id(), rotated.error());
    if (rotated && *rotated) next = LogWatch::Next::kSoon;
  }
  return next;
}

// The claim keeps the container's directory; who holds it now needs the log no more than a few seconds.
Result<bool> LocalContainers::RotateLogOf(LocalContainer& container, const Run& run) {
  int64_t now = ports_.clock.MonotonicMilliseconds();
  Result<LocalContainer::Claim> claim = container.Take(now);
  if (!claim || !container.run()) return false;
  return RotateLog(DirectoryOf(container.id()) + "/" + kLogName, LogBoundOf(container.spec()),
                   [&]() -> Result<> {
                     v1::ReopenContainerLogRequest request;
                     request.set_container_id(run.container_id);
                     cri::Call call = LocalCall(now + kReopenMs);
                     TRY(ports_.runtime.containers().ReopenLog(request, call));
                     return {};
                   });
}

}  // namespace davit::local
