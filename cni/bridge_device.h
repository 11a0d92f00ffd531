// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bridge itself: device, addresses and the kernel settings that routing to and from it needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit {

struct BridgeDevice {
  std::string name;
  std::string alias;  // marks the device as ours
  uint32_t mtu = 0;   // 0: the kernel's default
  std::vector<Subnet> subnets;
  std::vector<IpAddress> gateways;  // one for each subnet
};

// Makes what is missing and corrects what differs, in the calling thread's network namespace; returns the
// device's index. kFailedPrecondition when the name belongs to a link that is not ours, or when an address of
// another interface lies in one of the subnets.
Result<uint32_t> EnsureBridgeDevice(NetlinkSocket& socket, const BridgeDevice& device);

// Turns the host into a router for the families of the subnets. Interfaces that learn routes from router
// advertisements go on doing so: forwarding alone would end that (accept_ra 1 of
// Documentation/networking/ip-sysctl.rst).
Result<> EnableForwarding(NetlinkSocket& socket, const BridgeDevice& device);

}  // namespace davit
