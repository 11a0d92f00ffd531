// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Compiles a profile to the BPF program that the kernel runs.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/seccomp/profile.h"

namespace davit::cri {

struct FilterProgram {
  std::vector<sock_filter> instructions;
  std::vector<std::string> skipped;  // sorted names of calls that exist on no known architecture
};

// Neighbouring numbers with the same verdict form one range, and a binary search over the ranges finds the
// verdict. This takes fewer instructions than one test per call, which makes loading at every start and exec
// cheaper, and few steps per number: when a filter is loaded, the kernel runs it for every number to cache
// the calls that are always allowed.
Result<FilterProgram> CompileProfile(const SeccompProfile& profile);

}  // namespace davit::cri
