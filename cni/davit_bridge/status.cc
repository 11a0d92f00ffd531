// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/address_choice.h"
#include "cni/davit_bridge/bridge_subnets.h"
#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/delegate.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/port_table.h"

namespace davit::cni {

Result<Outcome> ReportStatus(const Invocation& call, const NetworkConfig& config) {
  if (!config.ipam.plugin.empty()) TRY(Delegate(config.ipam.plugin, "STATUS", call.path, config.text));
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  TRY(ChooseAddresses(config.ipam, book.leases(), {}, {}));
  std::vector<GatewaySubnet> subnets = ConfiguredSubnets(config);
  TRY(FailIfStranded(book, subnets));
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  TRY(CheckBridgeIsPossible(routes, config, subnets));
  if (config.is_gateway)
    TRY(TRY(PortTable::Open(TablesOf(config, subnets, {}), /*owned=*/false))->CheckMark());
  return Outcome{};
}

}  // namespace davit::cni
