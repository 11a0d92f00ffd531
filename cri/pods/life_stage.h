// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The life stage of a pod or container, from which its events are derived.
#pragma once

#include <cstdint>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "cri/pods/pod_records.h"

namespace davit::cri {

enum class LifeStage : uint8_t { kNone, kCreated, kStarted, kStopped };

LifeStage StageOf(const ContainerRecord& record);
// A pod has no stage before it is ready. It is stopped once everything of it is stopped or it has failed (it
// has a reason).
LifeStage StageOf(const SandboxRecord& record);

// The events, in order, for an object that was announced at stage `from` and has reached `to`. Empty for a
// step back. `failed_to_start` omits the started event.
std::vector<::runtime::v1::ContainerEventType> EventsBetween(LifeStage from, LifeStage to,
                                                             bool failed_to_start = false);

}  // namespace davit::cri
