// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports in the syntax of `davit run -p`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// A container's port that is to be published. Its host port is one of a range; 0 to 0: any free one.
struct PortWish {
  std::string host_ip = {};  // empty: all addresses of the host
  uint32_t first_host_port = 0;
  uint32_t last_host_port = 0;
  uint32_t container_port = 0;
  ::davit::v1::PortMapping::Protocol protocol = ::davit::v1::PortMapping::TCP;

  bool IsFixed() const { return first_host_port > 0 && first_host_port == last_host_port; }
};

// "[[ADDRESS:][HOST_PORT[-LAST]]:]CONTAINER_PORT[-LAST][/tcp|/udp|/sctp]": a wish for each port of the
// container. An IPv6 address must be in brackets. Two ranges have the same size, and their ports belong
// together in their order; for one port of the container, a range of the host is one to choose from.
// kInvalidArgument with the text as subject for anything else. Does not check that the address belongs to the
// host.
Result<std::vector<PortWish>> ParsePortSpec(std::string_view text);

// "CONTAINER_PORT[-LAST][/tcp|/udp|/sctp]", as --expose and images have it.
Result<std::vector<PortWish>> ParseExposedPort(std::string_view text);

// A wish whose port is fixed, or was chosen.
::davit::v1::PortMapping MappingOf(const PortWish& wish, uint32_t host_port);

}  // namespace davit::cli
