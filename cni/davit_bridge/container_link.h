// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's interface on the bridge, as one run of the plugin makes and checks it.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/invocation.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/davit_bridge/result.h"
#include "cni/netlink.h"

namespace davit::cni {

// Opens CNI_NETNS. kNotFound: there is no network namespace. kInvalidArgument: it is that of this process,
// unless CNI_NETNS_OVERRIDE allows it.
Result<UniqueFd> OpenNetns(const Invocation& call);

// The routes that a pod gets: those given, with the gateway of their family where they name none, and default
// routes if the network asks for them.
std::vector<Route> RoutesFor(const NetworkConfig& config, const std::vector<Route>& given,
                             const std::vector<ResultAddress>& addresses);

// Makes the pair and configures the container's end; on an error nothing is left. `addressing` has addresses,
// routes and DNS. Returns the network's part of the result of ADD: the bridge, the two ends, and
// `addressing`.
Result<CniResult> MakeContainerLink(NetlinkSocket& routes, const HostBridge& bridge, const Invocation& call,
                                    const NetworkConfig& config, int netns_fd, const CniResult& addressing);

// Removes the host's end of an attachment, and with it the container's, also if the namespace is gone.
// Idempotent. Blocks for some 30 ms.
Result<> RemoveContainerLink(NetlinkSocket& routes, const NetworkConfig& config, const std::string& key);

// kFailedPrecondition names what differs from `previous`, the result of ADD: the container's interface with
// its addresses and routes, or the host's end as a port of the bridge.
Result<> CheckContainerLink(NetlinkSocket& routes, const HostBridge& bridge, const Invocation& call,
                            const NetworkConfig& config, int netns_fd, const CniResult& previous);

}  // namespace davit::cni
