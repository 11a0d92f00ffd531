// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What plugins answer
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md, section 5).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/subnet.h"

namespace davit {

// The pod's addresses in a result, of versions 0.3.0 to 1.1.0; IPv4 first. Addresses of interfaces outside
// the pod are left out.
Result<std::vector<IpAddress>> AddressesInResult(const std::string& result);

// A plugin's answer on failure as an error: the object of section 5 if `output` is one, else what it wrote to
// stderr. kUnavailable when the plugin asks for a later attempt.
Error PluginFailure(const std::string& type, const std::string& command, const std::string& output,
                    const std::string& diagnostics);

}  // namespace davit
