// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pod's interface: a veth pair with one end on the bridge and the other, eth0, in the pod's network
// namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

constexpr char kPodInterface[] = "eth0";

struct VethPair {
  std::string host_name;
  std::string alias;  // of the host end; the sandbox id
  uint32_t bridge_index = 0;
  uint32_t mtu = 0;  // 0: the kernel's default
  MacAddress pod_mac{};
  bool ipv6 = true;  // false: this kernel runs without IPv6
  int netns_fd = -1;
};

// Creates the pair: eth0 in the pod's namespace, and the host end up and on the bridge, in hairpin mode. On
// an error nothing is left. kAlreadyExists: one of the two names exists; the error does not say which link
// has it.
Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair);

// One address of a pod, and the gateway for its family.
struct PodAddress {
  IpAddress address;
  int prefix = 0;
  IpAddress gateway;
};

// Opens a netlink socket inside the pod's namespace.
Result<NetlinkSocket> EnterPod(int netns_fd);

// Brings lo and eth0 up and sets addresses and default routes.
Result<> ConfigurePod(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// Makes the host end, and a bridge whose first port it is, carry traffic now. Call it after ConfigurePod.
// Their carrier comes up with eth0, but a kernel worker (linkwatch) acts on that some time later, and packets
// are dropped until then. Reading a link makes the kernel act on it at once.
Result<> SettleCarrier(NetlinkSocket& host, const VethPair& pair);

// Waits until the pod answers on its IPv6 addresses. Call it last, because the kernel has mostly finished by
// then. The kernel accepts an address at once, but a worker (addrconf_dad_work) adds its local route and
// joins its neighbour discovery group. Earlier packets are lost, and TCP retransmits only after a second.
// Succeeds after 200 ms even if the worker has not finished.
Result<> SettleIpv6(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// Brings lo up, for pods without an interface of their own.
Result<> BringLoopbackUp(int netns_fd);

}  // namespace davit::cni
