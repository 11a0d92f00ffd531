// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which container or pod the user means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cli/daemon.h"

namespace davit::cli {

// A container with its pod, or a pod that has none.
struct Target {
  v1::PodSandbox pod;
  std::optional<v1::Container> container;
};

// The name that ps shows.
std::string NameOf(const Target& target);

// True for what `davit run` made: its pod and its container live and end together.
bool MadeByRun(const v1::PodSandbox& pod);

// All containers and pods of the daemon, newest first.
Result<std::vector<Target>> ListTargets(const Daemon& daemon);

// `text` is an id, a name, or the beginning of an id, looked for in this order; containers and pods both
// count. Among several of one name the running one is meant. kNotFound, or kInvalidArgument when it is still
// ambiguous.
Result<Target> ChooseContainer(const std::vector<Target>& targets, std::string_view text);
// The same, but several containers of one pod are no ambiguity; the target's container is any of them.
Result<Target> ChoosePod(const std::vector<Target>& targets, std::string_view text);

Result<Target> FindContainer(const Daemon& daemon, std::string_view text);
Result<Target> FindPod(const Daemon& daemon, std::string_view text);

}  // namespace davit::cli
