// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bridge device, its addresses, and the kernel settings that routing to and from it needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

struct BridgeDevice {
  std::string name;
  std::string alias;  // marks the device as ours
  uint32_t mtu = 0;   // 0: the kernel's default
  std::vector<Subnet> subnets;
  std::vector<IpAddress> gateways;  // one for each subnet
};

// Creates the device in the calling thread's network namespace if it is missing, and corrects its addresses
// and settings; an existing device keeps its MTU and MAC address. Returns its index. kFailedPrecondition if
// the name belongs to a link that is not ours, or if another interface has an address in one of the subnets.
Result<uint32_t> EnsureBridgeDevice(NetlinkSocket& socket, const BridgeDevice& device);

// Enables forwarding on the host for the families of the subnets. Interfaces that accept router
// advertisements continue to do so: accept_ra changes from 1 to 2, because forwarding disables 1 (accept_ra
// in Documentation/networking/ip-sysctl.rst).
Result<> EnableForwarding(NetlinkSocket& socket, const BridgeDevice& device);

}  // namespace davit::cni
