// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/life_stage.h"

#include "cri/pods/phases.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

LifeStage StageOf(const ContainerRecord& record) {
  switch (record.phase) {
    case ContainerPhase::kCreated:
    case ContainerPhase::kStarting:
      return LifeStage::kCreated;
    case ContainerPhase::kRunning:
      return LifeStage::kStarted;
    case ContainerPhase::kExited:
      return LifeStage::kStopped;
    case ContainerPhase::kRemoving:
      return record.finished_at == 0 ? LifeStage::kCreated : LifeStage::kStopped;
  }
  return LifeStage::kNone;
}

LifeStage StageOf(const SandboxRecord& record) {
  switch (record.phase) {
    case SandboxPhase::kCreating:
      return LifeStage::kNone;
    case SandboxPhase::kReady:
      return LifeStage::kStarted;
    case SandboxPhase::kNotReady:
      return record.reason.empty() ? LifeStage::kStarted : LifeStage::kStopped;
    case SandboxPhase::kStopped:
      return LifeStage::kStopped;
  }
  return LifeStage::kNone;
}

std::vector<v1::ContainerEventType> EventsBetween(LifeStage from, LifeStage to, bool failed_to_start) {
  std::vector<v1::ContainerEventType> events;
  auto passes = [&](LifeStage stage) { return from < stage && stage <= to; };
  if (passes(LifeStage::kCreated)) events.push_back(v1::CONTAINER_CREATED_EVENT);
  if (passes(LifeStage::kStarted) && !failed_to_start) events.push_back(v1::CONTAINER_STARTED_EVENT);
  if (passes(LifeStage::kStopped)) events.push_back(v1::CONTAINER_STOPPED_EVENT);
  return events;
}

}  // namespace davit::cri
