// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Calls of the daemon's service for local containers that several verbs make.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cli/follow.h"
#include "cli/verbs.h"

namespace davit::cli {

Result<api::Container> InspectContainer(const Daemon& daemon, const std::string& container);

// The newest first; `all`: also those that do not run; `sizes`: with what they have written.
Result<std::vector<api::Container>> ListContainers(const Daemon& daemon, bool all, bool sizes = false);

Result<> StartContainer(const Session& session, const std::string& container);
Result<> KillContainer(const Daemon& daemon, const std::string& container, int signo);
// Without `grace_seconds`, the container's own. Interrupts are ignored, unless the grace period may be long.
Result<> StopContainer(const Session& session, const std::string& container,
                       std::optional<int64_t> grace_seconds);
// `volumes`: also its anonymous volumes.
Result<> RemoveContainer(const Session& session, const std::string& container, bool force,
                         bool volumes = false);

// Waits for the container's end, or until an interrupt.
Result<int> AwaitEnd(const Daemon& daemon, const std::string& container,
                     api::WaitContainerRequest::Condition condition);

// Asks for the state of a container by its whole id, also if it is removed meanwhile. `restarting_goes_on`:
// one that waits for its next start counts as running.
AskContainer AskLocal(const Daemon& daemon, const std::string& id, bool restarting_goes_on);

// The same for one of the kubelet's.
AskContainer AskKubelets(const Daemon& daemon, const std::string& id);
Result<v1::ContainerStatus> StatusOfKubelets(const Daemon& daemon, const std::string& id);

}  // namespace davit::cli
