// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <vector>

#include "base/error.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/davit_bridge/network_config.h"

namespace davit::cni {

// Closes the host ports of these leases. Needs neither the bridge nor the tables, nor can what the book says
// of the ports make it fail.
Result<> ClosePortsOf(const NetworkConfig& config, const std::vector<Lease>& leases, LeaseBook& book);

}  // namespace davit::cni
