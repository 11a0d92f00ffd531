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

namespace davit {

// What a container has that asks for nothing: the set that images have been built against since Docker's
// first years.
uint64_t DefaultCapabilities();

// By name in any case, with or without CAP_. Nothing for a name that this build does not know.
std::optional<int> CapabilityByName(const std::string& name);

// "CAP_CHOWN", …, by number; what has no name yet is left out.
std::vector<std::string> CapabilityNames(uint64_t mask);

// The sets of a container's process. `host` is what can be had at all: ALL means that, and a known capability
// that the host lacks is left out, as other runtimes do. Adding comes before dropping, but ALL before single
// names. Ambient capabilities become inheritable and permitted, too; nothing else is inheritable
// (CVE-2022-29162). kInvalidArgument for an unknown name, and for one that is both ambient and dropped.
Result<CapabilitySets> ContainerCapabilities(const ::runtime::v1::LinuxContainerSecurityContext& context,
                                             uint64_t host);

}  // namespace davit
