// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/container_link.h"
#include "cni/davit_bridge/delegate.h"
#include "cni/davit_bridge/detach.h"
#include "cni/davit_bridge/lease_book.h"

namespace davit::cni {
namespace {

// A run that makes the tables anew while the lease is still there must not open the ports again.
Result<> CloseHostPorts(const Invocation& call, const NetworkConfig& config) {
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  const Lease* lease = book.Find({call.container_id, call.interface});
  if (lease == nullptr) return {};
  TRY(ClosePortsOf(config, {*lease}, book));
  return book.ForgetPorts(lease->name);
}

Result<> RemoveLease(const Invocation& call, const NetworkConfig& config) {
  LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
  return book.Remove({call.container_id, call.interface});
}

}  // namespace

// The kernel takes some 30 ms to remove a link: others go on meanwhile. The addresses are free only after
// that.
Result<Outcome> DeleteContainer(const Invocation& call, const NetworkConfig& config) {
  TRY(CloseHostPorts(call, config));
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  TRY(RemoveContainerLink(routes, config, call.Key()));
  if (!config.ipam.plugin.empty()) TRY(Delegate(config.ipam.plugin, "DEL", call.path, config.text));
  TRY(RemoveLease(call, config));
  return Outcome{};
}

}  // namespace davit::cni
