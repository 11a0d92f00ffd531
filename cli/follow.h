// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's output and its end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

enum class OnInterrupt { kGoOn, kLeave };

// Prints the log from its beginning until the container has ended, and returns its last status; or nothing
// when `interrupted`, which is asked at each interrupt, wants to leave. Survives a restart of the daemon.
Result<std::optional<::runtime::v1::ContainerStatus>> FollowContainer(
    const Session& session, const std::string& container_id, const std::function<OnInterrupt()>& interrupted);

}  // namespace davit::cli
