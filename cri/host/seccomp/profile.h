// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A seccomp profile as plain data: the form of both the default profile and JSON files before compilation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit::cri {

enum class SeccompOperator : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kMaskedEqual,  // (argument & mask) == value
};

enum class ArgumentWidth : uint8_t {
  kFull,  // all bits that the architecture passes
  kInt,   // the low 32: all that the kernel reads of an argument declared as int. A test of all bits would
          // take socket(1 << 32 | AF_ALG, …) for a large address family
};

struct SeccompCondition {
  uint8_t argument = 0;  // 0 to 5
  SeccompOperator op = SeccompOperator::kEqual;
  uint64_t value = 0;
  uint64_t mask = 0;  // of kMaskedEqual
  ArgumentWidth width = ArgumentWidth::kFull;
};

// Verdicts are SECCOMP_RET_* values with their data (seccomp(2)).
struct SeccompRule {
  std::string syscall;
  uint32_t verdict = 0;
  std::vector<SeccompCondition> all_of;  // empty: any arguments
};

// How the verdict on a call is decided, as in libseccomp. The first step that applies decides:
// 1. the first rule for the call without conditions, wherever it stands;
// 2. the first rule for the call whose conditions all hold;
// 3. ENOSYS for an x32 call (on x86_64: bit 30 of the number is set), which no profile can name;
// 4. ENOSYS for a number above all calls that the profile names, unless the default lets calls pass (a newer
//    libc then falls back to older calls);
// 5. the default.
// A rule for a socket or System V IPC call also applies to its second form on i386 (multiplexer.h).
struct SeccompProfile {
  uint32_t default_verdict = 0;
  bool compat_architecture = true;  // false: calls of the 32-bit architecture kill the process
  std::vector<SeccompRule> rules;
};

}  // namespace davit::cri
