// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

namespace davit::local {

// A stop that began before sees the pause, or this sees the stop.
Result<> LocalContainers::Pause(const std::string& container, int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  LocalContainer::Claim claim = TRY(found->Take(deadline_ms));
  auto refuse = [&found](const char* why) {
    return Fail(Code::kFailedPrecondition, "pause container", found->name(), why);
  };
  std::optional<Run> run = found->run();
  if (!run || !found->record().Read(IsRunning)) return refuse("it is not running");
  if (found->paused()) return refuse("it is paused already");
  if (found->stopping()) return refuse("it is being stopped");
  health_.Suspend(found->id());
  cri::Call call = LocalCall(deadline_ms);
  if (Result<> paused = ports_.runtime.containers().Pause(run->container_id, call); !paused) {
    health_.Resume(found->id());
    return std::unexpected(AboutContainer(std::move(paused).error()));
  }
  found->SetPaused(true);
  Note(*found, "pause");
  if (!found->stopping()) return {};
  TRY(GoOn(*found, *run));
  return refuse("it is being stopped");
}

Result<> LocalContainers::Unpause(const std::string& container, int64_t deadline_ms) {
  LocalContainerPtr found = TRY(roster_.Find(container));
  LocalContainer::Claim claim = TRY(found->Take(deadline_ms));
  std::optional<Run> run = found->run();
  if (!run || !found->paused())
    return Fail(Code::kFailedPrecondition, "unpause container", found->name(), "it is not paused");
  return GoOn(*found, *run);
}

Result<> LocalContainers::GoOn(LocalContainer& container, const Run& run) {
  if (!container.paused()) return {};
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  if (Result<> resumed = ports_.runtime.containers().Unpause(run.container_id, call); !resumed)
    return std::unexpected(AboutContainer(std::move(resumed).error()));
  container.SetPaused(false);
  Note(container, "unpause");
  health_.Resume(container.id());
  return {};
}

Result<> LocalContainers::RefusePaused(const LocalContainer& container, const char* step) const {
  if (!container.paused()) return {};
  return Fail(Code::kFailedPrecondition, step, container.name(),
              "it is paused: davit unpause " + container.name() + " lets it go on");
}

}  // namespace davit::local
