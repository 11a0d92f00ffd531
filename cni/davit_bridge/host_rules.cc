// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/host_rules.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cni/conntrack.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/forward_accepts.h"
#include "cni/host_port_index.h"
#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

constexpr uint32_t kUnknownGeneration = 0;  // the kernel starts with 1

// The first line of the note. Rule sets belong to a network namespace.
std::string Stamp(uint32_t generation) {
  struct stat status{};
  stat("/proc/thread-self/ns/net", &status);
  return std::to_string(status.st_ino) + " " + std::to_string(generation) + "\n";
}

// A hint only: without it, the tables are looked at.
std::string NoteIn(const LeaseBook& book) {
  return book.ReadNote(LeaseBook::Note::kRules).value_or("");
}

std::string WithoutStamp(const std::string& note) {
  size_t end = note.find('\n');
  return end == note.npos ? std::string() : note.substr(end + 1);
}

Result<std::vector<HostPort>> PortsOf(const LeaseBook& book, const Lease& lease) {
  return ExpandMappings(TRY(ParsePortMappings(TRY(book.PortsOf(lease)))), lease.addresses);
}

// Of all leases. Ports that cannot be read are those of no packet: `unusable` says why, for people. No two
// elements of a map have one key: the first lease keeps it.
std::map<HostPortKey, HostPort> PortsOfAll(const LeaseBook& book, std::string& unusable) {
  std::map<HostPortKey, HostPort> all;
  for (const Lease& lease : book.leases()) {
    Result<std::vector<HostPort>> ports = PortsOf(book, lease);
    if (!ports)
      unusable +=
          "the host ports of container " + lease.Key() + " stay closed: " + ports.error().ToString() + "\n";
    else
      for (const HostPort& port : *ports) all.emplace(port.key(), port);
  }
  return all;
}

std::vector<HostPort> Values(const std::map<HostPortKey, HostPort>& ports) {
  std::vector<HostPort> values;
  for (const auto& [key, port] : ports) values.push_back(port);
  return values;
}

}  // namespace

Result<> FailIfPortsHeld(const LeaseBook& book, const Lease& lease, const std::vector<HostPort>& ports) {
  if (ports.empty()) return {};
  std::string unusable;
  std::map<HostPortKey, HostPort> held = PortsOfAll(book, unusable);
  std::erase_if(held, [&](const auto& entry) { return lease.Holds(entry.second.pod); });
  for (const HostPort& port : ports)
    if (auto [first, last] = Overlapping(held, port); first != last)
      return Fail(
          Code::kAlreadyExists, "open host port", port.ToString(),
          "container " + book.HolderOf(first->second.pod)->Key() + " holds " + first->second.ToString());
  return {};
}

Result<HostRules> HostRules::Open(const BridgeTables& tables, LeaseBook& book) {
  std::unique_ptr<PortTable> table = TRY(PortTable::Open(tables, /*owned=*/false));
  NetlinkSocket rules = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  return HostRules(tables, book, std::move(table), std::move(rules));
}

// The generation is read first: what somebody changes during the look is seen by the next run.
Result<std::string> HostRules::Ensure() {
  std::string note = NoteIn(*book_);
  description_ = WithoutStamp(note);
  uint32_t generation = TRY(RulesGeneration(rules_));
  if (note.starts_with(Stamp(generation) + table_->Description())) return std::string();
  bool changed = TRY(table_->Resume(description_));
  description_ = table_->Description();
  std::string warning;
  if (changed) TRY(table_->Reconcile(Values(PortsOfAll(*book_, warning))));
  warning += TRY(LetForwarded(changed));
  Note(changed ? kUnknownGeneration : generation);
  return warning;
}

// A chain of nftables that drops and is not of iptables is its owner's decision, and no reason to fail a pod:
// a plugin behind this one, such as firewall, may ask the owner.
Result<std::string> HostRules::LetForwarded(bool& changed) {
  ForwardReport report;
  Result<> let =
      LetForwardedThrough(rules_, {tables_.bridge, tables_.subnets, /*all_into_pods=*/false}, report);
  changed = changed || !report.found.empty();
  if (let) return std::move(report.unknown);
  if (let.error().code != Code::kFailedPrecondition) return std::unexpected(std::move(let).error());
  return let.error().ToString();
}

Result<> HostRules::OpenPorts(const Lease& lease, const std::vector<HostPort>& ports) {
  if (ports.empty()) return {};
  TRY(FreePorts(lease, ports));
  TRY(Counted([&] { return table_->Add(ports); }));
  NetlinkSocket conntrack = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  (void)ForgetUdpFlows(conntrack, ports, Flows::kToHostPort);  // never a reason to fail a pod
  return {};
}

// A port of a pod that is not in the book was left by somebody who has removed the book.
Result<> HostRules::FreePorts(const Lease& lease, const std::vector<HostPort>& ports) {
  std::map<HostPortKey, HostPort> held;
  for (const HostPort& port : TRY(table_->List())) held.emplace(port.key(), port);
  std::vector<HostPort> stale;
  for (const HostPort& port : ports) {
    auto [first, last] = Overlapping(held, port);
    for (auto other = first; other != last; ++other) {
      const Lease* holder = book_->HolderOf(other->second.pod);
      if (holder != nullptr && holder->name != lease.name)
        return Fail(Code::kAlreadyExists, "open host port", port.ToString(),
                    "container " + holder->Key() + " holds " + other->second.ToString());
      stale.push_back(other->second);
    }
  }
  return table_->Remove(stale);
}

Result<> HostRules::ClosePortsOf(const std::vector<Lease>& leases) {
  return CloseIf([&](const HostPort& port) {
    return std::ranges::any_of(leases, [&](const Lease& lease) { return lease.Holds(port.pod); });
  });
}

Result<> HostRules::CloseOthers() {
  return CloseIf([&](const HostPort& port) { return book_->HolderOf(port.pod) == nullptr; });
}

// The kernel removes an element by its key, wherever it leads: only what is listed is removed. The book is
// locked meanwhile.
Result<> HostRules::CloseIf(const std::function<bool(const HostPort&)>& unwanted) {
  Result<std::vector<HostPort>> open = table_->List();
  if (!open && open.error().os_errno == ENOENT) return {};
  std::vector<HostPort> ports = TRY(std::move(open));
  std::erase_if(ports, [&](const HostPort& port) { return !unwanted(port); });
  if (ports.empty()) return {};
  description_ = WithoutStamp(NoteIn(*book_));
  TRY(Counted([&] { return table_->Remove(ports); }));
  NetlinkSocket conntrack = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  (void)ForgetUdpFlows(conntrack, ports, Flows::kIntoPod);
  return {};
}

// One transaction of ours adds one to the number of a rule set that was as noted.
Result<> HostRules::Counted(const std::function<Result<>()>& transaction) {
  uint32_t before = TRY(RulesGeneration(rules_));
  bool noted = NoteIn(*book_).starts_with(Stamp(before));
  TRY(transaction());
  uint32_t after = TRY(RulesGeneration(rules_));
  if (noted && after == before + 1) Note(after);
  return {};
}

// Without the note (the disk is full), the next run looks at the tables.
void HostRules::Note(uint32_t generation) {
  (void)book_->WriteNote(LeaseBook::Note::kRules, Stamp(generation) + description_);
}

Result<> HostRules::Check(const std::vector<HostPort>& ports) {
  bool intact = TRY(table_->IsAsDescribed(WithoutStamp(NoteIn(*book_))));
  std::vector<HostPort> open = TRY(intact ? table_->List() : Result<std::vector<HostPort>>());
  for (const HostPort& port : ports)
    if (std::ranges::find(open, port) == open.end())
      return Fail(Code::kFailedPrecondition, "check host port", port.ToString(), "it is closed");
  if (intact) return {};
  return Fail(Code::kFailedPrecondition, "check nftables tables", tables_.name,
              "somebody removed or changed them");
}

}  // namespace davit::cni
