// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Host ports as `davit run -p` takes them.
#pragma once

#include <string_view>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cli {

// "[ADDRESS:]HOST_PORT:CONTAINER_PORT[/tcp|/udp|/sctp]". An IPv6 address stands in brackets. kInvalidArgument
// with the text as subject for anything else; that the address belongs to the host is not checked.
Result<::runtime::v1::PortMapping> ParsePortSpec(std::string_view text);

}  // namespace davit::cli
