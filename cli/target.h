// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which container of the kubelet the user means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cli/daemon.h"

namespace davit::cli {

// A container with its pod, or a pod without containers.
struct Target {
  v1::PodSandbox pod;
  std::optional<v1::Container> container;
};

// All containers, and all pods without containers, newest first.
Result<std::vector<Target>> ListTargets(const Daemon& daemon);

// `text` is an id, a name, or the beginning of an id, of a container or a pod, tried in this order. If
// several have the name and exactly one is running, that one is chosen. kNotFound; kInvalidArgument if `text`
// is ambiguous; kFailedPrecondition if it means a pod without containers.
Result<Target> ChooseContainer(const std::vector<Target>& targets, std::string_view text);

// "NAMESPACE/POD/CONTAINER", or "NAMESPACE/POD".
std::string NameOf(const Target& target);

Result<Target> FindContainer(const Daemon& daemon, std::string_view text);

}  // namespace davit::cli
