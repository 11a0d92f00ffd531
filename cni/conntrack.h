// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The kernel's table of connections. A flow that it knows does not look at our maps again: of UDP, where a
// flow never ends as long as the client sends, the known ones must go when a host port comes, moves or goes.
// TCP and SCTP clients make new connections.
#pragma once

#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"

namespace davit {

enum class Flows : uint8_t {
  kToHostPort,  // all that were sent to the port, wherever they go: before the port leads into a pod
  kIntoPod,     // of those, the ones that lead into the pod: when it gives the port up
};

// Forgets flows of the UDP ports among `ports`. `conntrack` is a NETLINK_NETFILTER socket.
Result<> ForgetUdpFlows(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows);

// The same for kernels before 6.10, which cannot select what to delete: reads the whole table.
Result<> ForgetUdpFlowsByDump(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows);

}  // namespace davit
