// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names and addresses that are derived from others, so that they need not be stored.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cni/subnet.h"

namespace davit::cni {

using MacAddress = std::array<uint8_t, 6>;

std::string FormatMac(const MacAddress& mac);  // "02:d4:0a:58:00:07"
// kInvalidArgument unless it is an address for one station, as FormatMac prints it.
Result<MacAddress> ParseMac(std::string_view text);

// The prefix of the names of a bridge's host interfaces: "veth", by which programs that count the traffic of
// a node know what to leave out, and four hexadecimal digits of the hash of the bridge's name.
std::string HostInterfacePrefix(std::string_view bridge);

// The name of the host end of a pod's veth pair: the prefix and the first seven digits of the sandbox id, 15
// characters, the limit of IFNAMSIZ. crictl shows the same digits first. An id that is not of our form is
// hashed. A collision of two sandboxes is unlikely (28 bits, at most 1,023 ports on a bridge) and fails the
// later one, which the kubelet then makes again with another id: the whole id is the link's alias, which is
// compared before a link is changed.
std::string HostInterfaceName(std::string_view bridge, std::string_view sandbox_id);

// The same in the form of former versions, "dv" and 13 digits. Pods that they made may still live: their
// interface is renamed when the bridge is taken over.
std::string FormerHostInterfacePrefix(std::string_view bridge);
std::string FormerHostInterfaceName(std::string_view bridge, std::string_view sandbox_id);

// The MAC address of a pod, derived from its first IP address. A pod that gets a reused IP address also gets
// its MAC address, so that no neighbour cache becomes stale. Unique on a bridge, as a pool allocates at most
// 2^32 addresses.
MacAddress PodMac(const IpAddress& first_address);

// A fixed MAC address for the bridge. Without it the bridge would use the lowest address of its ports, which
// changes with the pods.
MacAddress BridgeMac(std::string_view bridge);

// The IFLA_GROUP into which the links of a bridge are put to be deleted together.
uint32_t RemovalGroup(std::string_view bridge);

}  // namespace davit::cni
