// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cni/bridge_config.h"
#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/delegate.h"
#include "cni/davit_bridge/detach.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/host_rules.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/link.h"
#include "cni/names.h"
#include "cni/traffic_limit.h"

namespace davit::cni {
namespace {

std::vector<Lease> InvalidOf(const LeaseBook& book, const std::vector<AttachmentName>& valid) {
  std::vector<Lease> invalid = book.leases();
  std::erase_if(invalid,
                [&](const Lease& lease) { return std::ranges::find(valid, lease.name) != valid.end(); });
  return invalid;
}

// Finds the links that GC removes. A bridge of somebody else may have ports of other networks or of a daemon:
// there, only what a lease of this network names is ours.
class Garbage {
 public:
  Garbage(const NetworkConfig& config, const std::vector<Lease>& invalid, bool own_bridge)
      : prefix_(HostInterfacePrefix(config.bridge.name)), own_bridge_(own_bridge) {
    for (const Lease& lease : invalid) {
      std::string host_name = HostInterfaceName(config.bridge.name, lease.Key());
      for (const std::string& name : {host_name, IfbName(host_name)}) leased_[name] = lease.Key();
    }
    for (const AttachmentName& name : *config.valid)
      valid_.insert(AttachmentKey(name.container_id, name.interface));
  }

  bool Has(const Link& link) const {
    if (link.kind != "veth" && link.kind != "ifb") return false;
    auto leased = leased_.find(link.name);
    if (leased != leased_.end()) return link.alias == leased->second || link.alias.empty();
    return own_bridge_ && IsOfBridge(link) && !valid_.contains(link.alias);
  }

 private:
  // Whether it is the host's end of an attachment to this bridge, or limits the traffic of one.
  bool IsOfBridge(const Link& link) const {
    return link.name.starts_with(link.kind == "veth" ? prefix_ : IfbName(prefix_));
  }

  std::string prefix_;
  bool own_bridge_;
  std::map<std::string, std::string> leased_;  // by name: the alias
  std::set<std::string> valid_;                // aliases
};

// Also links without a lease, if somebody has removed the book.
Result<> RemoveLinks(const NetworkConfig& config, const std::vector<Lease>& invalid) {
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::optional<Link> bridge = TRY(FindLink(routes, config.bridge.name));
  Garbage garbage(config, invalid, bridge && bridge->alias == BridgeAlias(config.bridge.table));
  std::vector<uint32_t> indexes;
  for (const Link& link : TRY(ListLinks(routes)))
    if (garbage.Has(link)) indexes.push_back(link.index);
  return DeleteLinks(routes, indexes, RemovalGroup(config.bridge.name));
}

}  // namespace

// The book stays locked: nobody is being attached meanwhile.
Result<Outcome> CollectGarbage(const Invocation& call, const NetworkConfig& config) {
  if (!config.valid)
    return Fail(Code::kInvalidArgument, "read network configuration", "cni.dev/valid-attachments",
                "GC needs it");
  {
    LeaseBook book = TRY(LeaseBook::Open(config.data_dir, config.name));
    std::vector<Lease> invalid = InvalidOf(book, *config.valid);
    TRY(ClosePortsOf(config, invalid, book));
    TRY(RemoveLinks(config, invalid));
    for (const Lease& lease : invalid) TRY(book.Remove(lease.name));
    TRY(TRY(HostRules::Open(TablesOf(config, {}, {}), book)).CloseOthers());
  }
  if (!config.ipam.plugin.empty()) TRY(Delegate(config.ipam.plugin, "GC", call.path, config.text));
  return Outcome{};
}

}  // namespace davit::cni
