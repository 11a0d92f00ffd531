// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pod's interface: a veth pair with one end on the bridge and the other, eth0, in the pod's network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit {

constexpr char kPodInterface[] = "eth0";

struct VethPair {
  std::string host_name;
  std::string alias;  // of the host end; says whose it is
  uint32_t bridge_index = 0;
  uint32_t mtu = 0;  // 0: the kernel's default
  MacAddress pod_mac{};
  bool ipv6 = true;  // false: this kernel runs without IPv6
  int netns_fd = -1;
};

// Makes the pair with eth0 already in the pod's namespace and the host end up and on the bridge, in hairpin mode. On
// an error nothing is left, except that kAlreadyExists says nothing about who has the name.
Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair);

// Lets the host end carry traffic now. Its carrier comes on when eth0 is up, but is acted on by a kernel worker
// (linkwatch) some time later, and until then the bridge drops what the pod sends. Reading the link does that work.
Result<> SettleCarrier(NetlinkSocket& host, const std::string& host_name);

// One address of a pod and the way out for its family.
struct PodAddress {
  IpAddress address;
  int prefix = 0;
  IpAddress gateway;
};

// Brings lo and eth0 up and sets addresses and default routes, inside the pod's namespace.
Result<> ConfigurePod(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// For pods without an interface of their own.
Result<> BringLoopbackUp(int netns_fd);

}  // namespace davit
