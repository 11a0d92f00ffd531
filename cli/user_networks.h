// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The networks that people have made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "cli/daemon.h"

namespace davit::cli {

Result<std::vector<api::Network>> ListUserNetworks(const Daemon& daemon);

// In the fields of docker network ls.
nlohmann::json RowOfUserNetwork(const api::Network& network, bool no_trunc);

}  // namespace davit::cli
