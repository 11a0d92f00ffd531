// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Classic BPF (Documentation/networking/filter.rst), written from the end to the start.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace davit {

// Every jump of classic BPF goes forward, so a program is easiest to build backwards: the target of a jump is
// always an instruction that exists already. Conditional jumps reach 255 instructions; farther targets get a
// step in between.
class BpfAssembler {
 public:
  // An instruction that was placed; what runs when control arrives there.
  using Target = size_t;

  Target Return(uint32_t value);

  // A = the 32-bit word at `offset` of the data; then `next`.
  Target Load(uint32_t offset, Target next);

  // A &= mask; then `next`.
  Target And(uint32_t mask, Target next);

  // `test` is BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET against the constant `k`.
  Target Branch(uint16_t test, uint32_t k, Target yes, Target no);

  // The program that begins at `start`, which must be the last one placed. kInvalidArgument when it is longer
  // than the kernel takes (4,096 instructions).
  Result<std::vector<sock_filter>> Finish(Target start) const;

 private:
  Target Place(sock_filter instruction);
  Target Follow(sock_filter instruction, Target next);
  Target Within(size_t reach, Target target);
  size_t Distance(Target target) const { return reversed_.size() - target - 1; }

  std::vector<sock_filter> reversed_;
};

}  // namespace davit
