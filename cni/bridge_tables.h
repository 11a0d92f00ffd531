// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The nftables tables of one bridge; the number of rules does not depend on the number of pods. There are two
// tables of the same name: family inet translates addresses, family bridge filters frames from pods.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

// Since Linux 6.9: only the owner may change the table, `nft flush ruleset` skips it, and it remains when its
// owner closes, until the next owner takes it over. A flush removes a table that has no owner.
constexpr uint32_t kNftTableOwned = 0x2;       // NFT_TABLE_F_OWNER
constexpr uint32_t kNftTablePersistent = 0x4;  // NFT_TABLE_F_PERSIST

// Each of our tables has the comment "davit bridge NAME", by which an instance recognises the tables of
// others.
constexpr char kTableCommentPrefix[] = "davit bridge ";

// The families in which answers between pods on the bridge pass the host's rules (bridge netfilter). In the
// others they do not: the client would not recognise the answer through a translation of others, such as a
// Service of kube-proxy, unless the connection is masqueraded.
struct AnswersPass {
  bool ipv4 = false;
  bool ipv6 = false;

  bool operator==(const AnswersPass&) const = default;
};

struct BridgeTables {
  std::string name;
  std::string bridge;  // the interface
  std::vector<Subnet> subnets;
  bool masquerade = true;                  // what leaves the pods for outside gets the host's address
  std::vector<Subnet> no_masquerade = {};  // except for these destinations
  AnswersPass answers_pass = {};
};

// Appends requests that create the tables or, if they exist, update their rules and keep the elements of
// their maps. EEXIST if an existing map has another shape (type of key or data).
void AppendTables(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags);

// Creates the tables or takes them over, without their content. Put it before AppendDeletion in the same
// transaction, because deleting a missing table fails.
void AppendTakeover(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags);
void AppendDeletion(NetlinkBatch& batch, const std::string& name);

// The same for one table.
void AppendTable(NetlinkBatch& batch, uint8_t family, const std::string& name, const std::string& comment,
                 uint32_t flags);
void AppendTableDeletion(NetlinkBatch& batch, uint8_t family, const std::string& name);

struct TableInfo {
  uint8_t family = 0;  // NFPROTO_*
  std::string name;
  std::string comment;
};

// The chains and rules of the tables of this name as the kernel describes them, handles included: two dumps
// are equal if nobody has changed anything meanwhile. Elements of maps are not part of it.
Result<std::string> DumpRules(NetlinkSocket& socket, const std::string& name);

// The tables of all families.
Result<std::vector<TableInfo>> ListTables(NetlinkSocket& socket);

}  // namespace davit::cni
