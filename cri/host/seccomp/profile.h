// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A seccomp profile as plain data: what both our default and a JSON file become before they are compiled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit {

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
  kInt,   // the low 32: what the kernel looks at when it declares the argument as int. Anything else lets
          // socket(1 << 32 | AF_ALG, …) pass for a large address family
};

struct SeccompCondition {
  uint8_t argument = 0;  // 0 to 5
  SeccompOperator op = SeccompOperator::kEqual;
  uint64_t value = 0;
  uint64_t mask = 0;  // of kMaskedEqual
  ArgumentWidth width = ArgumentWidth::kFull;
};

// Verdicts are the kernel's own: SECCOMP_RET_* with its data (seccomp(2)).
struct SeccompRule {
  std::string syscall;
  uint32_t verdict = 0;
  std::vector<SeccompCondition> all_of;  // empty: whatever the arguments are
};

// What happens to a call, in this order, as libseccomp decides it:
// 1. the first rule for it without conditions, wherever it stands;
// 2. the first rule for it whose conditions all hold;
// 3. ENOSYS when its number is beyond every call that the profile names, so that a newer libc falls back to
// older calls,
//    unless the default lets calls pass;
// 4. the default, but for x32 calls (numbers with bit 30 on x86_64): they are no calls that a profile can
// name, and
//    end with ENOSYS whatever the default is.
// A rule for a socket or System V IPC call holds for i386's second way to it, too (multiplexer.h).
struct SeccompProfile {
  uint32_t default_verdict = 0;
  bool compat_architecture = true;  // false: calls of the 32-bit architecture kill the process
  std::vector<SeccompRule> rules;
};

}  // namespace davit
