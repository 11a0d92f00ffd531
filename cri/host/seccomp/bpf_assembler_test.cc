// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/bpf_assembler.h"

#include <gtest/gtest.h>

#include "cri/host/seccomp/testing/filter_simulator.h"

namespace davit::cri {
namespace {

TEST(BpfAssembler, RunsWhatWasPlacedLastFirst) {
  BpfAssembler bpf;
  auto program = bpf.Finish(bpf.Load(0, bpf.Branch(BPF_JEQ, 7, bpf.Return(1), bpf.Return(2))));
  ASSERT_TRUE(program);
  EXPECT_EQ(RunFilter(*program, Call(0, 7)), 1u);
  EXPECT_EQ(RunFilter(*program, Call(0, 8)), 2u);
}

TEST(BpfAssembler, MasksBeforeItCompares) {
  BpfAssembler bpf;
  auto program =
      bpf.Finish(bpf.Load(0, bpf.And(0xf0, bpf.Branch(BPF_JEQ, 0x30, bpf.Return(1), bpf.Return(2)))));
  ASSERT_TRUE(program);
  EXPECT_EQ(RunFilter(*program, Call(0, 0x3c)), 1u);
  EXPECT_EQ(RunFilter(*program, Call(0, 0x4c)), 2u);
}

// 600 distinct answers push the first ones out of the reach of a conditional jump.
TEST(BpfAssembler, ReachesTargetsBeyondAConditionalJump) {
  BpfAssembler bpf;
  BpfAssembler::Target far_load = bpf.Load(4, bpf.Branch(BPF_JEQ, 1, bpf.Return(5000), bpf.Return(5001)));
  BpfAssembler::Target next = bpf.Return(9999);
  for (uint32_t i = 0; i < 600; ++i) next = bpf.Branch(BPF_JEQ, i, bpf.Return(i), next);
  next = bpf.Branch(BPF_JEQ, 700, far_load, next);
  auto program = bpf.Finish(bpf.Load(0, next));
  ASSERT_TRUE(program);
  for (uint32_t i = 0; i < 600; ++i) EXPECT_EQ(RunFilter(*program, Call(0, i)), i);
  EXPECT_EQ(RunFilter(*program, Call(0, 600)), 9999u);
  EXPECT_EQ(RunFilter(*program, Call(1, 700)), 5000u);
  EXPECT_EQ(RunFilter(*program, Call(2, 700)), 5001u);
}

TEST(BpfAssembler, RefusesWhatTheKernelWould) {
  BpfAssembler bpf;
  BpfAssembler::Target next = bpf.Return(0);
  for (uint32_t i = 1; i < 3000; ++i) next = bpf.Branch(BPF_JEQ, i, bpf.Return(i), next);
  auto program = bpf.Finish(next);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace davit::cri
