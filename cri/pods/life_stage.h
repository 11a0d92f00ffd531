// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How far a pod or a container has come, as events tell it.
#pragma once

#include <cstdint>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "cri/pods/pod_records.h"

namespace davit {

enum class LifeStage : uint8_t { kNone, kCreated, kStarted, kStopped };

LifeStage StageOf(const ContainerRecord& record);
// A pod is told of when it is ready, and called stopped when all of it is, or when its shim died.
LifeStage StageOf(const SandboxRecord& record);

// What is to be told, in order, when something told of as far as `from` has come to `to`. Nothing for a step
// back.
std::vector<::runtime::v1::ContainerEventType> EventsBetween(LifeStage from, LifeStage to,
                                                             bool failed_to_start = false);

}  // namespace davit
