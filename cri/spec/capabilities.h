// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Capability sets (capabilities(7)). Bit N of a mask is capability number N.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "shim/plan.h"

namespace davit::cri {

// The set of a container that requests none: Docker's default, which images expect.
uint64_t DefaultCapabilities();

// The number of a capability; the name may be in upper or lower case, with or without CAP_. nullopt for a
// name that this build does not know.
std::optional<int> CapabilityByName(const std::string& name);

// "CAP_CHOWN", …, by number; capabilities without a name are omitted.
std::vector<std::string> CapabilityNames(uint64_t mask);

// The sets of a container's process. `host` is the set of available capabilities: ALL means this set, and a
// known capability that the host lacks is omitted, as in other runtimes. Order: add ALL, drop ALL, add single
// names, drop single names. Ambient capabilities also become inheritable and permitted; no others are
// inheritable (CVE-2022-29162). A privileged container has all. kInvalidArgument for an unknown name and,
// unless privileged, for one that is both ambient and dropped.
Result<shim::CapabilitySets> ContainerCapabilities(
    const ::runtime::v1::LinuxContainerSecurityContext& context, uint64_t host);

}  // namespace davit::cri
