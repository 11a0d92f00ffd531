// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which process of the host uses a port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::local {

// kFailedPrecondition if a process listens on one of these TCP or UDP ports of the host; the error names the
// process. A rule that leads the port into a container would take the port from it without a word. SCTP ports
// are not checked. Best effort: a process may begin to listen later.
Result<> CheckPortsUnused(const google::protobuf::RepeatedPtrField<::davit::v1::PortMapping>& ports);

// The inodes of the sockets with this local port in the content of /proc/net/{tcp,udp}{,6} (proc(5)); of TCP
// only listening ones.
std::vector<uint64_t> SocketsOnPort(std::string_view table, uint16_t port, bool tcp);

// "80/tcp", "192.0.2.1:53/udp".
std::string PortText(const ::davit::v1::PortMapping& port);

}  // namespace davit::local
