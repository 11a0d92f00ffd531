// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A pod's interface: a veth pair with one end on the bridge and the other in the pod's network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/link.h"
#include "cni/names.h"
#include "cni/netlink.h"
#include "cni/route.h"
#include "cni/subnet.h"

namespace davit::cni {

constexpr char kPodInterface[] = "eth0";

struct VethPair {
  std::string host_name;
  std::string alias;  // of the host end; the sandbox id
  uint32_t bridge_index = 0;
  uint32_t mtu = 0;      // 0: the kernel's default
  MacAddress pod_mac{};  // zero: the kernel's choice
  bool ipv6 = true;      // false: this kernel runs without IPv6
  int netns_fd = -1;
  std::string pod_name = kPodInterface;
  PortOptions port = {};
};

// Creates the pair: one end in the pod's namespace, and the host end up and on the bridge. A pair that an
// interrupted attempt left with this name and alias is replaced. On an error nothing is left. kAlreadyExists
// says which link has one of the two names.
Result<> CreateVeth(NetlinkSocket& host, const VethPair& pair);

// One address of a pod.
struct PodAddress {
  IpAddress address;
  int prefix = 0;
};

// What a pod's end gets.
struct PodInterface {
  std::string name = kPodInterface;
  std::vector<PodAddress> addresses = {};
  std::vector<Route> routes = {};
  OtherRoute other_routes = OtherRoute::kIsReplaced;  // what another interface has made stays or goes
  bool loopback = true;                               // lo is brought up, too
};

// Opens a netlink socket inside the pod's namespace.
Result<NetlinkSocket> EnterPod(int netns_fd);

// Brings the interface up and sets addresses and routes; switches IPv6 on for it and lo if it is off and an
// address needs it. May be repeated.
Result<> ConfigurePod(int netns_fd, NetlinkSocket& pod, const PodInterface& interface);

// Makes the host end, and a bridge whose first port it is, carry traffic now. Call it after ConfigurePod.
// Their carrier comes up with the pod's end, but a kernel worker (linkwatch) acts on that some time later,
// and packets are dropped until then. Reading a link makes the kernel act on it at once.
Result<> SettleCarrier(NetlinkSocket& host, const VethPair& pair);

// Waits until the pod answers on its IPv6 addresses. Call it last, because the kernel has mostly finished by
// then. The kernel accepts an address at once, but a worker (addrconf_dad_work) adds its local route and
// joins its neighbour discovery group. Earlier packets are lost, and TCP retransmits only after a second.
// Succeeds after 200 ms even if the worker has not finished.
Result<> SettleIpv6(NetlinkSocket& pod, const std::vector<PodAddress>& addresses);

// Brings lo up, for pods without an interface of their own.
Result<> BringLoopbackUp(int netns_fd);

}  // namespace davit::cni
