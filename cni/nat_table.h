// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The nftables table of one bridge: a constant number of rules, whatever the number of pods. A host port is
// an element of one of its four maps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit {

// Since Linux 6.9: only the owner may change the table, `nft flush ruleset` passes it by, it outlives its
// owner, and the next one takes it over. While it has no owner a flush does remove it.
constexpr uint32_t kNftTableOwned = 0x2;       // NFT_TABLE_F_OWNER
constexpr uint32_t kNftTablePersistent = 0x4;  // NFT_TABLE_F_PERSIST

// Every table of ours carries "davit bridge NAME" as its comment: that is how instances tell each other's.
constexpr char kTableCommentPrefix[] = "davit bridge ";

struct NatTable {
  std::string name;    // in family inet
  std::string bridge;  // the interface
  std::vector<Subnet> subnets;
};

// Appends what makes the table, or, where it exists, brings its rules up to date and keeps its maps'
// elements. An existing map of another shape is EEXIST.
void AppendNatTable(NetlinkBatch& batch, const NatTable& table, uint32_t flags);

// Only makes the table or takes it over, which must precede its deletion in a transaction when it may be
// orphaned.
void AppendTableTakeover(NetlinkBatch& batch, const NatTable& table, uint32_t flags);
void AppendTableDeletion(NetlinkBatch& batch, const std::string& name);

// A host port as an element: of the map `map`, in the bytes that the kernel keeps.
struct MapElement {
  const char* map = nullptr;
  std::string key;
  std::string data;
};

MapElement EncodeHostPort(const HostPort& port);

// Each request holds as many elements as fit; `type` is NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM. An element
// that exists with another target is EBUSY, deleting a missing one ENOENT.
void AppendElements(NetlinkBatch& batch, const std::string& table, uint8_t type,
                    const std::vector<HostPort>& ports);

// The elements of all four maps of a table. ENOENT without the table.
Result<std::vector<HostPort>> ListHostPorts(NetlinkSocket& socket, const std::string& table);

struct TableInfo {
  std::string name;
  std::string comment;
};

// The tables of family inet.
Result<std::vector<TableInfo>> ListTables(NetlinkSocket& socket);

}  // namespace davit
