// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: runs seccomp filters without a kernel, and asks libseccomp for a second opinion.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <vector>

#include "cri/host/seccomp/profile.h"

namespace davit {

// What the program answers. Anything that the kernel's checker would refuse (jumps out of the program, other
// instructions than a filter may have) aborts the test.
uint32_t RunFilter(const std::vector<sock_filter>& program, const seccomp_data& call);

seccomp_data Call(uint32_t audit_arch, uint32_t number, std::array<uint64_t, 6> args = {});

// The same profile compiled by libseccomp. Rules for names that its version does not know are left out.
enum class LibseccompForm { kList, kTree };
std::vector<sock_filter> CompileByLibseccomp(const SeccompProfile& profile, LibseccompForm form);

}  // namespace davit
