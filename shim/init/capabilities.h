// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Capability sets of a container's process (capabilities(7)).
#pragma once

#include "base/error.h"
#include "shim/plan.h"

namespace davit {

// Sets that the kernel will take from a process that has `permitted_now`: nobody can gain what the host
// itself lacks, so that is left out. Inheritable stays empty unless ambient capabilities need it
// (CVE-2022-29162).
CapabilitySets ReachableCapabilities(const CapabilitySets& wanted, uint64_t permitted_now);

// The calling process's permitted set.
Result<uint64_t> ReadPermittedCapabilities();

// Drops everything outside `keep` from the bounding set. Needs CAP_SETPCAP.
Result<> LimitBoundingSet(uint64_t keep);

// Sets permitted, effective, inheritable and ambient, the bounding set being done.
Result<> SetCapabilities(const CapabilitySets& sets);

}  // namespace davit
