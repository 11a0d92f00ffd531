// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What davit-bridge does for each command (SPEC.md of CNI v1.1.2, section 2). Every command may be killed at
// any moment: DEL of the same attachment, or GC, removes what is left.
#pragma once

#include <string>

#include "base/error.h"
#include "cni/davit_bridge/invocation.h"
#include "cni/davit_bridge/network_config.h"

namespace davit::cni {

struct Outcome {
  std::string output;        // of stdout
  std::string warning = {};  // for people, on stderr; mostly empty
};

// Attaches a container. Undoes its steps on failure. kNotFound: CNI_NETNS is none.
Result<Outcome> AddContainer(const Invocation& call, const NetworkConfig& config, int netns_fd);

// Detaches a container. Idempotent; does not need the network namespace.
Result<Outcome> DeleteContainer(const Invocation& call, const NetworkConfig& config);

// kFailedPrecondition names what is not as ADD left it.
Result<Outcome> CheckContainer(const Invocation& call, const NetworkConfig& config, int netns_fd);

// Whether ADD could work now.
Result<Outcome> ReportStatus(const Invocation& call, const NetworkConfig& config);

// Detaches all containers that are not among the valid ones.
Result<Outcome> CollectGarbage(const Invocation& call, const NetworkConfig& config);

}  // namespace davit::cni
