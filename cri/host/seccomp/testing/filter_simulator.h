// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: interprets seccomp filters without the kernel, and compiles profiles with libseccomp for
// comparison.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <vector>

#include "cri/host/seccomp/profile.h"

namespace davit::cri {

// Returns the program's verdict. Aborts the test on anything that the kernel's checker refuses: jumps out of
// the program, or instructions that are not allowed in a filter.
uint32_t RunFilter(const std::vector<sock_filter>& program, const seccomp_data& call);

seccomp_data Call(uint32_t audit_arch, uint32_t number, std::array<uint64_t, 6> args = {});

// The same profile compiled by libseccomp. Rules for names that its version does not know are omitted.
enum class LibseccompForm { kList, kTree };
std::vector<sock_filter> CompileByLibseccomp(const SeccompProfile& profile, LibseccompForm form);

}  // namespace davit::cri
