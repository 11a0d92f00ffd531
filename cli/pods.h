// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Stops and removes pods and containers. These functions ignore interrupts and may be repeated.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

Result<> StopContainer(const Session& session, const std::string& container_id, int64_t grace_seconds);

// Kills the processes that still run in the pod, and releases its address and host ports.
Result<> StopPod(const Session& session, const std::string& pod_id);

// Stops the pod and removes it with its containers, and with the logs of containers of `davit run`.
Result<> RemovePod(const Session& session, const std::string& pod_id);

}  // namespace davit::cli
