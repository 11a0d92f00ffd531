// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The kernel's connection tracking table. The packets of a known flow do not look up our maps again. A UDP
// flow lasts as long as the client sends, so known UDP flows must be deleted when a host port is opened,
// moved or closed. TCP and SCTP clients make new connections.
#pragma once

#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"

namespace davit::cni {

enum class Flows : uint8_t {
  kToHostPort,  // all flows to the port, whatever their target: when the port is opened
  kIntoPod,     // only the flows that lead into the pod: when the port is closed
};

// Deletes flows of the UDP ports among `ports`. `conntrack` is a NETLINK_NETFILTER socket. Calls
// ForgetUdpFlowsByDump if the kernel does not support filters.
Result<> ForgetUdpFlows(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows);

// The same for kernels before 6.10, which cannot filter deletions: reads the whole table.
Result<> ForgetUdpFlowsByDump(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows);

}  // namespace davit::cni
