// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Local containers in Docker's words.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "api/davit/v1/containers.pb.h"

namespace davit::cli {

// "Up 5 minutes", "Exited (137) 2 hours ago", "Created".
std::string StatusText(const ::davit::v1::ContainerState& state, int64_t now_unix_nanoseconds);

// "running", "exited"…: .State.Status of docker inspect.
std::string StateWord(::davit::v1::ContainerState::Status status);
// The same, and "paused".
std::string StateWord(const ::davit::v1::ContainerState& state);

// "tcp", "udp" or "sctp".
std::string ProtocolText(::davit::v1::PortMapping::Protocol protocol);

// "bridge", "host", "none", or the name of a network that people have made.
std::string NetworkText(const ::davit::v1::ContainerSpec& spec);

// "0.0.0.0:8080" and "[::]:8080", or the one address that the port is published at.
std::vector<std::string> HostEndsOf(const ::davit::v1::PortMapping& port);

// "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp".
std::string PortsText(const ::davit::v1::ContainerSpec& spec);

// The command line in quotation marks, cut to `most` characters (0: not cut).
std::string CommandText(const ::davit::v1::Container& container, size_t most);

// The document of docker inspect, as far as Davit has the same.
nlohmann::json InspectDocument(const ::davit::v1::Container& container);

// The same for a container of the CRI; `response` is a verbose one.
nlohmann::json KubeletsDocument(const std::string& name,
                                const ::runtime::v1::ContainerStatusResponse& response);

}  // namespace davit::cli
