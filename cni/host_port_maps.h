// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports as nftables stores them: elements of four maps in a bridge's table of family inet. Each address
// family has one map with and one without an address of the host in the key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"

namespace davit::cni {

constexpr char kHostPorts4[] = "hostports4";  // protocol . port : pod's address . port
constexpr char kHostPorts6[] = "hostports6";
constexpr char kHostPortsAt4[] = "hostports_at4";  // host's address . protocol . port : pod's address . port
constexpr char kHostPortsAt6[] = "hostports_at6";

// Appends requests that create the maps; existing maps of the same shape keep their elements. Within the
// transaction their ids are 1 to kHostPortMaps.
constexpr uint32_t kHostPortMaps = 4;
void AppendHostPortMaps(NetlinkBatch& batch, const std::string& table);

// A host port in the kernel's binary form.
struct MapElement {
  const char* map = nullptr;
  std::string key;
  std::string data;
};

MapElement EncodeHostPort(const HostPort& port);

// Appends requests, each with as many elements as fit; `type` is NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM.
// Adding an element that exists with another target is EBUSY; deleting a missing one is ENOENT.
void AppendElements(NetlinkBatch& batch, const std::string& table, uint8_t type,
                    const std::vector<HostPort>& ports);

// The elements of all four maps. ENOENT if the table does not exist.
Result<std::vector<HostPort>> ListHostPorts(NetlinkSocket& socket, const std::string& table);

}  // namespace davit::cni
