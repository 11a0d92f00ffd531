// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The nftables tables of a network and its host ports, as one run of the plugin needs them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/bridge_tables.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"
#include "cni/port_table.h"

namespace davit::cni {

// kAlreadyExists: another lease in the book has one of the ports, and who it is. Needs no tables.
Result<> FailIfPortsHeld(const LeaseBook& book, const Lease& lease, const std::vector<HostPort>& ports);

// A note in the book has the number of the rule set after the last run: as long as nobody has changed a rule
// on this host, the tables need no look, however many rules there are.
class HostRules {
 public:
  static Result<HostRules> Open(const BridgeTables& tables, LeaseBook& book);

  // Makes the tables, or restores what somebody has changed, with the host ports of all leases; lets packets
  // of pods through an iptables FORWARD chain that drops. Returns a warning for people, mostly empty: why
  // packets may still be dropped, or whose ports are unusable and stay closed.
  Result<std::string> Ensure();

  // Opens the host ports of a lease in the book. kAlreadyExists names who holds one.
  Result<> OpenPorts(const Lease& lease, const std::vector<HostPort>& ports);
  // Closes all ports that lead to one of these leases, whatever the book says of their ports. No-op without
  // tables.
  Result<> ClosePortsOf(const std::vector<Lease>& leases);
  // Closes all ports of pods that are not in the book.
  Result<> CloseOthers();

  // kFailedPrecondition: the tables were changed, or one of the ports is closed.
  Result<> Check(const std::vector<HostPort>& ports);

 private:
  HostRules(BridgeTables tables, LeaseBook& book, std::unique_ptr<PortTable> table, NetlinkSocket rules)
      : tables_(std::move(tables)), book_(&book), table_(std::move(table)), rules_(std::move(rules)) {}
  Result<> CloseIf(const std::function<bool(const HostPort&)>& unwanted);
  Result<> FreePorts(const Lease& lease, const std::vector<HostPort>& ports);
  Result<> Counted(const std::function<Result<>()>& transaction);
  Result<std::string> LetForwarded(bool& changed);
  void Note(uint32_t generation);

  BridgeTables tables_;
  LeaseBook* book_;
  std::unique_ptr<PortTable> table_;
  NetlinkSocket rules_;
  std::string description_;  // PortTable::Description as the note has it
};

}  // namespace davit::cni
