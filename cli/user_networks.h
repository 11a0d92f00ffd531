// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The networks that people have made.
#pragma once

#include <string>
#include <vector>

#include "cli/daemon.h"
#include "cli/row_output.h"

namespace davit::cli {

Result<std::vector<api::Network>> ListUserNetworks(const Daemon& daemon);

// In the fields of docker network ls.
ListRow RowOfUserNetwork(const api::Network& network, bool no_trunc);

// Leaves those that satisfy the filters: dangling, driver, id, label, name, scope and type. The networks of
// the daemon's own, which are in no list of people's, are never taken: type=builtin takes none.
Result<> FilterUserNetworks(const std::vector<std::string>& filters, std::vector<api::Network>& networks);

}  // namespace davit::cli
