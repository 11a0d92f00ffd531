// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports that nobody has said: `davit run -P`, `-p 80`, `-p 8000-8010:80`.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cli/daemon.h"
#include "cli/port_spec.h"
#include "cli/run_config.h"

namespace davit::cli {

// Adds the ports to `spec` that are still to be chosen: those of --publish without a fixed host port, and
// with --publish-all those of --expose and of the image that no --publish names. They are ports that no
// container of this host has, running or not, and no program: the container keeps them over its restarts.
// kNotFound if the image is needed and the node does not have it. kResourceExhausted if no port is free.
Result<> ChoosePorts(const Daemon& daemon, const RunOptions& options, ::davit::v1::ContainerSpec& spec);

// The first port from `start` on, around the range, that `is_free`; kResourceExhausted if there is none.
Result<uint32_t> FirstFreePort(uint32_t first, uint32_t last, uint32_t start,
                               const std::function<bool(uint32_t port)>& is_free);

}  // namespace davit::cli
