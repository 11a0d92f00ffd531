// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture for the content of a bridge's tables.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "cni/host_port_maps.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"
#include "cni/subnet.h"
#include "cni/testing/test_world.h"

namespace davit::cni {

class BridgeTest : public NetworkTest {
 protected:
  static constexpr Protocol kTcp = Protocol::kTcp;
  static constexpr Protocol kUdp = Protocol::kUdp;
  static inline const IpAddress kAny4{AF_INET, {}};

  // A sandbox ID: 64 times `digit`.
  static std::string Id(char digit) { return std::string(64, digit); }

  // The elements of the host port maps of instance 0, each as "tcp 0.0.0.0:8080 > 10.80.0.2".
  static std::vector<std::string> HostPorts() {
    NetlinkSocket socket = NetlinkSocket::Open(NETLINK_NETFILTER).value();
    std::vector<std::string> texts;
    std::vector<HostPort> ports = ListHostPorts(socket, "davit-0").value();
    for (const HostPort& port : ports) texts.push_back(port.ToString() + " > " + port.pod.ToString());
    return texts;
  }

  // The table of family inet in the host's namespace, as nft(8) prints it.
  std::string Rules(const std::string& table) const {
    return host_->Shell("nft -nn list table inet " + table);
  }
};

}  // namespace davit::cni
