// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Another plugin that chooses addresses (SPEC.md of CNI v1.1.2, section 4).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/davit_bridge/invocation.h"
#include "cni/davit_bridge/result.h"

namespace davit::cni {

// Runs `plugin`, from one of the directories of CNI_PATH, with this command, this process's environment and
// `text` as its input, and returns what it printed. kFailedPrecondition: there is no such program. The
// plugin's own error otherwise: kUnavailable if it asks for a later attempt.
Result<std::string> Delegate(const std::string& plugin, const char* command,
                             const std::vector<std::string>& path, const std::string& text);

// ADD of an IPAM plugin: addresses, routes and DNS. kInternal if its result has no address.
Result<CniResult> DelegateAdd(const std::string& plugin, const std::vector<std::string>& path,
                              const std::string& text);

}  // namespace davit::cni
