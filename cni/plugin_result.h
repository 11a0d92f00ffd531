// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The answers of plugins (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md, section 5).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/subnet.h"

namespace davit::cni {

// The pod's addresses in a result of version 0.3.0 to 1.1.0; IPv4 first. Addresses of interfaces outside the
// pod are omitted.
Result<std::vector<IpAddress>> AddressesInResult(const std::string& result);

// Converts a plugin's failure to an error. The text is that of the error object (section 5) in `output`, or
// else `diagnostics`, its stderr. kUnavailable if the plugin asks for a later attempt or is not available
// (codes 11, 50, 51), kFailedPrecondition for an invalid configuration (7), otherwise kInternal.
Error PluginFailure(const std::string& type, const std::string& command, const std::string& output,
                    const std::string& diagnostics);

}  // namespace davit::cni
