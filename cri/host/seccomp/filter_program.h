// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a profile to the program that the kernel runs.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/seccomp/profile.h"

namespace davit {

struct FilterProgram {
  std::vector<sock_filter> instructions;
  std::vector<std::string> skipped;  // names that no architecture of this host or of libseccomp knows, sorted
};

// Neighbouring numbers with the same verdict become one range, and a binary search over the ranges finds the
// verdict: fewer instructions than a test per call, so that loading it on every start and exec costs less,
// and few steps per number, of which the kernel runs all when a filter is loaded (its cache of calls that
// always pass).
Result<FilterProgram> CompileProfile(const SeccompProfile& profile);

}  // namespace davit
