// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports in the syntax of `davit run -p`.
#pragma once

#include <string_view>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// "[ADDRESS:]HOST_PORT:CONTAINER_PORT[/tcp|/udp|/sctp]". An IPv6 address must be in brackets.
// kInvalidArgument with the text as subject for anything else. Does not check that the address belongs to the
// host.
Result<::davit::v1::PortMapping> ParsePortSpec(std::string_view text);

}  // namespace davit::cli
