// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An assembler for classic BPF (Documentation/networking/filter.rst) that builds a program from the end to
// the start.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace davit::cri {

// All jumps of classic BPF are forward, so a program is easiest to build backwards: the target of a jump
// always exists already. A conditional jump reaches 255 instructions; an intermediate jump is inserted for
// farther targets.
class BpfAssembler {
 public:
  // A placed instruction, at which execution can continue.
  using Target = size_t;

  Target Return(uint32_t value);

  // A = the 32-bit word at `offset` of the data; continues at `next`.
  Target Load(uint32_t offset, Target next);

  // A &= mask; continues at `next`.
  Target And(uint32_t mask, Target next);

  // Compares A with the constant `k`; `test` is BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET.
  Target Branch(uint16_t test, uint32_t k, Target yes, Target no);

  // The program that begins at `start`, which must be the instruction placed last. kInvalidArgument if it
  // exceeds the kernel's limit of 4,096 instructions.
  Result<std::vector<sock_filter>> Finish(Target start) const;

 private:
  Target Place(sock_filter instruction);
  Target Follow(sock_filter instruction, Target next);
  Target Within(size_t reach, Target target);
  size_t Distance(Target target) const { return reversed_.size() - target - 1; }

  std::vector<sock_filter> reversed_;
};

}  // namespace davit::cri
