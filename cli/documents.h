// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The documents of docker inspect, by name. kNotFound if there is no such thing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/daemon.h"

namespace davit::cli {

// Of a local container, or one of the CRI.
Result<nlohmann::json> ContainerDocument(const Daemon& daemon, const std::string& name);
// With the manifest.
Result<nlohmann::json> ImageDocument(const Daemon& daemon, const std::string& name);
// Of a network that somebody has made.
Result<nlohmann::json> NetworkDocument(const Daemon& daemon, const std::string& name);
// With the containers that use the volume.
Result<nlohmann::json> VolumeDocument(const Daemon& daemon, const std::string& name);

}  // namespace davit::cli
