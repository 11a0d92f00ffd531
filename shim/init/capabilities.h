// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Capability sets of a container's process (capabilities(7)).
#pragma once

#include "base/error.h"
#include "shim/plan.h"

namespace davit::shim {

// The part of `wanted` that the kernel accepts from a process with the permitted set `permitted_now`; the
// rest is omitted, because a process cannot gain a capability that it lacks. Inheritable stays empty unless
// ambient capabilities need it (CVE-2022-29162).
CapabilitySets ReachableCapabilities(const CapabilitySets& wanted, uint64_t permitted_now);

// The calling process's permitted set.
Result<uint64_t> ReadPermittedCapabilities();

// Drops everything outside `keep` from the bounding set. Needs CAP_SETPCAP.
Result<> LimitBoundingSet(uint64_t keep);

// Sets permitted, effective, inheritable and ambient; not the bounding set.
Result<> SetCapabilities(const CapabilitySets& sets);

}  // namespace davit::shim
