// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/detach.h"

#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/host_rules.h"

namespace davit::cni {

// Mostly no lease has ports, and the table needs no look.
Result<> ClosePortsOf(const NetworkConfig& config, const std::vector<Lease>& leases, LeaseBook& book) {
  std::vector<Lease> with_ports = leases;
  std::erase_if(with_ports, [&](const Lease& lease) {
    Result<std::string> ports = book.PortsOf(lease);
    return ports && ports->empty();
  });
  if (with_ports.empty()) return {};
  HostRules rules = TRY(HostRules::Open(TablesOf(config, {}, {}), book));
  return rules.ClosePortsOf(with_ports);
}

}  // namespace davit::cni
