// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports in the syntax of `davit run -p`.
#pragma once

#include <string_view>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cli {

// "[ADDRESS:]HOST_PORT:CONTAINER_PORT[/tcp|/udp|/sctp]". An IPv6 address must be in brackets.
// kInvalidArgument with the text as subject for anything else. Does not check that the address belongs to the
// host.
Result<::runtime::v1::PortMapping> ParsePortSpec(std::string_view text);

}  // namespace davit::cli
