// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/port_table.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <map>
#include <set>

#include "cni/host_port_index.h"
#include "cni/host_port_maps.h"
#include "cni/nft_rule.h"

namespace davit::cni {
namespace {

constexpr size_t kTables = 2;  // family inet and family bridge

// A transaction is one message to the kernel and must fit into the socket's send buffer (212,992 bytes by
// default).
constexpr size_t kElementsPerTransaction = 512;

bool Unsupported(const Result<>& result) {
  return !result && (result.error().os_errno == EOPNOTSUPP || result.error().os_errno == EINVAL);
}

std::vector<HostPort> Without(const std::set<HostPort>& ports, const std::set<HostPort>& others) {
  std::vector<HostPort> left;
  std::ranges::set_difference(ports, others, std::back_inserter(left));
  return left;
}

// One line for what the rules depend on.
std::string Describe(const BridgeTables& tables) {
  std::string text = tables.name + ' ' + tables.bridge;
  for (const Subnet& subnet : tables.subnets) text += ' ' + subnet.ToString();
  text += tables.masquerade ? " masquerade except" : " keep";
  for (const Subnet& subnet : tables.no_masquerade) text += ' ' + subnet.ToString();
  for (bool passes : {tables.answers_pass.ipv4, tables.answers_pass.ipv6}) text += passes ? " 1" : " 0";
  return text + '\n';
}

}  // namespace

Result<std::unique_ptr<PortTable>> PortTable::Open(BridgeTables tables, bool owned) {
  NetlinkSocket socket = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  return std::unique_ptr<PortTable>(
      new PortTable(std::move(tables), owned ? kNftTableOwned | kNftTablePersistent : 0, std::move(socket)));
}

Result<> PortTable::Restore() {
  MutexLock lock(mutex_);
  TRY(RestoreTables());
  content_ = TRY(DumpRules(socket_, tables_.name));
  return {};
}

Result<> PortTable::CheckMark() {
  MutexLock lock(mutex_);
  TRY(CountPresent());
  return {};
}

Result<bool> PortTable::Repair(AnswersPass answers) {
  MutexLock lock(mutex_);
  bool intact = TRY(IsIntact());
  if (intact && answers == tables_.answers_pass) return false;
  tables_.answers_pass = answers;
  TRY(MakeAgain(intact));
  return true;
}

// What somebody has added goes only with the table. Its elements come back with Reconcile.
Result<> PortTable::MakeAgain(bool intact) {
  bool tampered = !intact && TRY(CountPresent()) > 0;
  content_.clear();
  TRY(tampered ? Make(Start::kAnew) : RestoreTables());
  content_ = TRY(DumpRules(socket_, tables_.name));
  return {};
}

Result<bool> PortTable::Resume(const std::string& known) {
  MutexLock lock(mutex_);
  bool same = TakeDescription(known);
  bool intact = TRY(IsIntact());
  if (intact && same) return false;
  TRY(MakeAgain(intact));
  return true;
}

Result<bool> PortTable::IsAsDescribed(const std::string& known) {
  MutexLock lock(mutex_);
  return TakeDescription(known) && TRY(IsIntact());
}

// False if it describes other tables than are wanted.
bool PortTable::TakeDescription(const std::string& known) {
  content_ = known.substr(std::min(known.find('\n') + 1, known.size()));
  return known.starts_with(Describe(tables_));
}

std::string PortTable::Description() {
  MutexLock lock(mutex_);
  return Describe(tables_) + content_;
}

Result<std::vector<HostPort>> PortTable::List() {
  MutexLock lock(mutex_);
  return ListHostPorts(socket_, tables_.name);
}

Result<bool> PortTable::IsIntact() {
  return TRY(CountPresent()) == kTables && TRY(DumpRules(socket_, tables_.name)) == content_;
}

Result<> PortTable::RestoreTables() {
  bool exists = TRY(CountPresent()) > 0;
  Result<> made = Make(Start::kKeepElements);
  if (Unsupported(made)) {
    // Kernels before 6.9 do not know the flags, and a table that was made without them does not get them
    // later.
    flags_ = 0;
    made = Make(Start::kKeepElements);
  }
  if (made) return {};
  if (made.error().os_errno == EPERM && exists)
    return Fail(Code::kFailedPrecondition, "take over nftables table", tables_.name,
                "another running process owns it: give this instance a bridge of its own");
  // Left by a version whose maps look different. The elements come back with the daemon's records.
  if (exists) return Make(Start::kAnew);
  return made;
}

Result<> PortTable::Make(Start start) {
  NetlinkBatch batch;
  BeginNftTransaction(batch);
  if (start == Start::kAnew) {
    AppendTakeover(batch, tables_, flags_);
    AppendDeletion(batch, tables_.name);
  }
  AppendTables(batch, tables_, flags_);
  EndNftTransaction(batch);
  TRY(socket_.Execute(batch));
  owned_ = (flags_ & kNftTableOwned) != 0;
  return {};
}

Result<size_t> PortTable::CountPresent() {
  std::string ours = kTableCommentPrefix + tables_.bridge;
  size_t present = 0;
  for (const TableInfo& table : TRY(ListTables(socket_))) {
    if (table.name != tables_.name || (table.family != kFamilyInet && table.family != kFamilyBridge))
      continue;
    if (table.comment != ours)
      return Fail(Code::kFailedPrecondition, "take over nftables table", tables_.name,
                  "it is not marked as \"" + ours + "\" but as \"" + table.comment + "\"");
    ++present;
  }
  return present;
}

Result<> PortTable::Add(const std::vector<HostPort>& ports) {
  if (ports.empty()) return {};
  MutexLock lock(mutex_);
  std::vector<TableInfo> others = TRY(OtherInstances());
  TRY(FailIfHeld(others, ports));
  TRY(Change(NFT_MSG_NEWSETELEM, ports));
  // Looking again after the addition: of two that add at the same moment at least one sees the other.
  Result<> still_free = FailIfHeld(others, ports);
  if (!still_free) TRY(Change(NFT_MSG_DELSETELEM, ports));
  return still_free;
}

Result<> PortTable::Remove(const std::vector<HostPort>& ports) {
  if (ports.empty()) return {};
  MutexLock lock(mutex_);
  Result<> removed = Change(NFT_MSG_DELSETELEM, ports);
  if (removed || removed.error().os_errno != ENOENT || ports.size() == 1) return Unless(removed, ENOENT);
  // A transaction fails as a whole when one element is missing.
  for (const HostPort& port : ports) TRY(Unless(Change(NFT_MSG_DELSETELEM, {port}), ENOENT));
  return {};
}

Result<PortTable::Difference> PortTable::Compare(const std::vector<HostPort>& wanted) {
  std::vector<HostPort> found = TRY(ListHostPorts(socket_, tables_.name));
  std::set<HostPort> have(found.begin(), found.end());
  std::set<HostPort> want(wanted.begin(), wanted.end());
  return Difference{Without(have, want), Without(want, have)};
}

Result<PortTable::Difference> PortTable::Reconcile(const std::vector<HostPort>& wanted) {
  MutexLock lock(mutex_);
  Difference difference = TRY(Compare(wanted));
  TRY(Change(NFT_MSG_DELSETELEM, difference.removed));
  TRY(Change(NFT_MSG_NEWSETELEM, difference.added));
  return difference;
}

Result<> PortTable::Check(const std::vector<HostPort>& wanted) {
  MutexLock lock(mutex_);
  if (TRY(IsIntact())) {
    Difference difference = TRY(Compare(wanted));
    if (difference.removed.empty() && difference.added.empty()) return {};
  }
  return Fail(Code::kFailedPrecondition, "check nftables tables", tables_.name,
              "somebody removed or changed them");
}

Result<> PortTable::Destroy() {
  MutexLock lock(mutex_);
  if (TRY(CountPresent()) == 0) return {};
  NetlinkBatch batch;
  BeginNftTransaction(batch);
  AppendTakeover(batch, tables_, flags_);
  AppendDeletion(batch, tables_.name);
  EndNftTransaction(batch);
  return socket_.Execute(batch);
}

Result<> PortTable::Change(uint8_t type, const std::vector<HostPort>& ports) {
  for (size_t at = 0; at < ports.size(); at += kElementsPerTransaction) {
    size_t end = std::min(ports.size(), at + kElementsPerTransaction);
    NetlinkBatch batch;
    BeginNftTransaction(batch);
    AppendElements(batch, tables_.name, type, {ports.begin() + at, ports.begin() + end});
    EndNftTransaction(batch);
    TRY(socket_.Execute(batch));
  }
  return {};
}

Result<std::vector<TableInfo>> PortTable::OtherInstances() {
  std::vector<TableInfo> tables = TRY(ListTables(socket_));
  std::erase_if(tables, [own = tables_.name](const TableInfo& table) {
    return table.family != kFamilyInet || table.name == own ||
           !table.comment.starts_with(kTableCommentPrefix);
  });
  return tables;
}

Result<> PortTable::FailIfHeld(const std::vector<TableInfo>& others, const std::vector<HostPort>& ports) {
  for (const TableInfo& other : others) {
    Result<std::vector<HostPort>> theirs = ListHostPorts(socket_, other.name);
    if (!theirs && theirs.error().os_errno == ENOENT) continue;  // that instance has just gone
    if (!theirs) return std::unexpected(theirs.error());
    std::map<HostPortKey, HostPort> held;
    for (const HostPort& port : *theirs) held.emplace(port.key(), port);
    for (const HostPort& port : ports)
      if (auto [first, last] = Overlapping(held, port); first != last)
        return Fail(Code::kAlreadyExists, "claim host port", port.ToString(),
                    "another instance holds " + first->second.ToString() + " (" + other.comment + ")");
  }
  return {};
}

}  // namespace davit::cni
