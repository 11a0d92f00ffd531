// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/bpf_assembler.h"

#include <algorithm>

namespace davit::cri {
namespace {
constexpr size_t kBranchReach = 255;
}

BpfAssembler::Target BpfAssembler::Place(sock_filter instruction) {
  reversed_.push_back(instruction);
  return reversed_.size() - 1;
}

BpfAssembler::Target BpfAssembler::Return(uint32_t value) {
  // One instruction per value serves all jumps near it.
  size_t oldest = reversed_.size() > kBranchReach / 2 ? reversed_.size() - kBranchReach / 2 : 0;
  for (size_t i = reversed_.size(); i > oldest; --i) {
    const sock_filter& placed = reversed_[i - 1];
    if (placed.code == (BPF_RET | BPF_K) && placed.k == value) return i - 1;
  }
  return Place(BPF_STMT(BPF_RET | BPF_K, value));
}

BpfAssembler::Target BpfAssembler::Follow(sock_filter instruction, Target next) {
  if (Distance(next) > 0) Within(0, next);
  return Place(instruction);
}

BpfAssembler::Target BpfAssembler::Load(uint32_t offset, Target next) {
  return Follow(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset), next);
}

BpfAssembler::Target BpfAssembler::And(uint32_t mask, Target next) {
  return Follow(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask), next);
}

BpfAssembler::Target BpfAssembler::Within(size_t reach, Target target) {
  size_t distance = Distance(target);
  if (distance <= reach) return target;
  if (reversed_[target].code == (BPF_RET | BPF_K)) return Place(reversed_[target]);
  return Place(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(distance)));
}

BpfAssembler::Target BpfAssembler::Branch(uint16_t test, uint32_t k, Target yes, Target no) {
  // Bringing `yes` near may push `no` one instruction farther away.
  no = Within(kBranchReach - 1, no);
  yes = Within(kBranchReach, yes);
  auto code = static_cast<uint16_t>(BPF_JMP | BPF_K | test);
  return Place(BPF_JUMP(code, k, static_cast<uint8_t>(Distance(yes)), static_cast<uint8_t>(Distance(no))));
}

Result<std::vector<sock_filter>> BpfAssembler::Finish(Target start) const {
  if (Distance(start) != 0)
    return Fail(Code::kInternal, "assemble", "seccomp filter", "does not begin at its start");
  if (reversed_.size() > BPF_MAXINSNS) {
    return Fail(Code::kInvalidArgument, "compile", "seccomp profile",
                std::to_string(reversed_.size()) + " instructions, the kernel takes 4096");
  }
  return std::vector<sock_filter>(reversed_.rbegin(), reversed_.rend());
}

}  // namespace davit::cri
