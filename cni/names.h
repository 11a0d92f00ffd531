// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names and addresses that follow from others, so that nobody has to store them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "cni/subnet.h"

namespace davit {

using MacAddress = std::array<uint8_t, 6>;

std::string FormatMac(const MacAddress& mac);  // "02:d4:0a:58:00:07"

// What names of host interfaces of one bridge begin with: "dv" and four hexadecimal digits of the bridge
// name's hash.
std::string HostInterfacePrefix(std::string_view bridge);

// The host end of a pod's veth pair, 15 characters, which is all that IFNAMSIZ allows: the prefix and the
// first nine digits of the sandbox id, which are also what crictl shows. An id that is not of our form is
// hashed. Two sandboxes with one name are as good as impossible (36 bits, at most 1,023 ports on a bridge),
// and fail cleanly: the whole id is the link's alias and is compared before anything is touched.
std::string HostInterfaceName(std::string_view bridge, std::string_view sandbox_id);

// The MAC address of a pod, from its first IP address. When an address comes to another pod, its MAC comes
// along, so that no neighbour's cache is ever stale. Unique on a bridge, as pools hand out 2^32 addresses at
// most.
MacAddress PodMac(const IpAddress& first_address);

// A fixed address for the bridge; without one it would take that of its lowest port and change as pods come
// and go.
MacAddress BridgeMac(std::string_view bridge);

// Which IFLA_GROUP the links of a bridge are put into to be deleted together.
uint32_t RemovalGroup(std::string_view bridge);

}  // namespace davit
