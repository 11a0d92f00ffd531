// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The nftables of one bridge: a constant number of rules, whatever the number of pods. Two tables of one
// name: family inet translates addresses, family bridge looks at frames between pods.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit {

// Since Linux 6.9: only the owner may change the table, `nft flush ruleset` passes it by, it outlives its
// owner, and the next one takes it over. While it has no owner a flush does remove it.
constexpr uint32_t kNftTableOwned = 0x2;       // NFT_TABLE_F_OWNER
constexpr uint32_t kNftTablePersistent = 0x4;  // NFT_TABLE_F_PERSIST

// Every table of ours carries "davit bridge NAME" as its comment: that is how instances tell each other's.
constexpr char kTableCommentPrefix[] = "davit bridge ";

struct BridgeTables {
  std::string name;
  std::string bridge;  // the interface
  std::vector<Subnet> subnets;
};

// Appends what makes the tables, or, where they exist, brings their rules up to date and keeps the maps'
// elements. An existing map of another shape is EEXIST.
void AppendTables(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags);

// Only makes the tables or takes them over. In a transaction before their deletion: it fails for one that is
// missing.
void AppendTakeover(NetlinkBatch& batch, const BridgeTables& tables, uint32_t flags);
void AppendDeletion(NetlinkBatch& batch, const std::string& name);

struct TableInfo {
  uint8_t family = 0;  // NFPROTO_*
  std::string name;
  std::string comment;
};

// The tables of all families.
Result<std::vector<TableInfo>> ListTables(NetlinkSocket& socket);

}  // namespace davit
