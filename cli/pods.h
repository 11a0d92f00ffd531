// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ends of pods and containers, as several verbs need them. All are shielded from interrupts and may be
// repeated.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

Result<> StopContainer(const Session& session, const std::string& container_id, int64_t grace_seconds);

// Kills what still runs in the pod and gives its address and host ports back.
Result<> StopPod(const Session& session, const std::string& pod_id);

// Stops the pod and removes it with its containers; of a pod that `davit run` made, the logs too.
Result<> RemovePod(const Session& session, const std::string& pod_id);

}  // namespace davit::cli
