// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a Dockerfile may cost. Files beyond these limits are refused with a message that names the limit.
#pragma once

#include <cstddef>

namespace davit::cli::dockerfile {

inline constexpr size_t kMaxFileBytes = 4 << 20;
inline constexpr size_t kMaxLineBytes = 65'535;  // without its end, as in BuildKit
inline constexpr size_t kMaxInstructions = 10'000;
inline constexpr size_t kMaxTriggerDepth =
    8;  // ONBUILD in ONBUILD, which is refused later with a better message

// The instructions of all stages, those that ONBUILD repeats in other stages included: their number and size.
inline constexpr size_t kMaxSteps = 100'000;
inline constexpr size_t kMaxStepBytes = 64 << 20;

// Of variables: one text after expansion, the depth of ${a:-${b:-...}}, all variables of a stage; and over
// the whole file, the bytes that expansion has written and the steps that patterns have taken.
inline constexpr size_t kMaxExpandedBytes = 1 << 20;
inline constexpr int kMaxExpansionDepth = 64;
inline constexpr size_t kMaxVariableBytes = 2 << 20;
inline constexpr size_t kMaxWrittenBytes = 64 << 20;
inline constexpr size_t kMaxPatternSteps = 20'000'000;

inline constexpr size_t kMaxProblems = 100;         // after so many, the rest of a file is not looked at
inline constexpr size_t kMaxComparisons = 100'000;  // of names, to find misspelt ones

// Of a .dockerignore.
inline constexpr size_t kMaxIgnoreFileBytes = 1 << 20;
inline constexpr size_t kMaxIgnorePatterns = 10'000;

}  // namespace davit::cli::dockerfile
