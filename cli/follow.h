// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Follows a container's output until the container ends.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

enum class OnInterrupt { kGoOn, kLeave };

// Prints the log from its beginning until the container has ended, and returns its last status. Calls
// `interrupted` at each interrupt, and returns no value if that returns kLeave. Survives a restart of the
// daemon, up to 240 s without an answer.
Result<std::optional<::runtime::v1::ContainerStatus>> FollowContainer(
    const Session& session, const std::string& container_id, const std::function<OnInterrupt()>& interrupted);

}  // namespace davit::cli
