// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/filter_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>

#include <cerrno>

#include "cri/host/seccomp/architecture.h"
#include "cri/host/seccomp/testing/filter_simulator.h"

namespace davit::cri {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kDeny = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

const SeccompArchitecture& Native() {
  return HostArchitectures().front();
}
uint32_t Number(const std::string& name) {
  return FindSyscall(Native(), name).number;
}

uint32_t VerdictOf(const SeccompProfile& profile, const std::string& name,
                   std::array<uint64_t, 6> args = {}) {
  return RunFilter(CompileProfile(profile).value().instructions, Call(Native().audit, Number(name), args));
}

SeccompProfile With(std::vector<SeccompRule> rules) {
  return {.default_verdict = kDeny, .compat_architecture = true, .rules = std::move(rules)};
}

TEST(FilterProgram, AllowsWhatIsListedAndNothingElse) {
  SeccompProfile profile = With({{"read", kAllow, {}}, {"getpid", kAllow, {}}, {"close_range", kAllow, {}}});
  EXPECT_EQ(VerdictOf(profile, "read"), kAllow);
  EXPECT_EQ(VerdictOf(profile, "getpid"), kAllow);
  EXPECT_EQ(VerdictOf(profile, "write"), kDeny);
  EXPECT_EQ(VerdictOf(profile, "execve"), kDeny);
}

TEST(FilterProgram, AnswersEnosysBeyondTheNewestCallNamed) {
  auto program =
      CompileProfile(With({{"read", kAllow, {}}, {"close_range", kAllow, {}}})).value().instructions;
  uint32_t newest = Number("close_range");
  EXPECT_EQ(RunFilter(program, Call(Native().audit, newest)), kAllow);
  EXPECT_EQ(RunFilter(program, Call(Native().audit, newest - 1)), kDeny);
  EXPECT_EQ(RunFilter(program, Call(Native().audit, newest + 1)), kNoSys);
  EXPECT_EQ(RunFilter(program, Call(Native().audit, 0xffffffff)), kNoSys);
}

TEST(FilterProgram, LetsNewCallsPassWhenTheDefaultDoes) {
  SeccompProfile profile = With({{"mount", kDeny, {}}});
  profile.default_verdict = kAllow;
  auto program = CompileProfile(profile).value().instructions;
  EXPECT_EQ(RunFilter(program, Call(Native().audit, 100000)), kAllow);
  EXPECT_EQ(RunFilter(program, Call(Native().audit, Number("mount"))), kDeny);
}

TEST(FilterProgram, RefusesX32) {
  if (Native().audit != AUDIT_ARCH_X86_64) GTEST_SKIP() << "x32 exists on x86_64 only";
  auto program = CompileProfile(With({{"read", kAllow, {}}})).value().instructions;
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_X86_64, 0x40000000)), kNoSys);
}

TEST(FilterProgram, KillsForeignArchitectures) {
  SeccompProfile profile = With({{"read", kAllow, {}}});
  auto program = CompileProfile(profile).value().instructions;
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_S390X, 3)), SECCOMP_RET_KILL_PROCESS);
  profile.compat_architecture = false;
  program = CompileProfile(profile).value().instructions;
  EXPECT_EQ(RunFilter(program, Call(HostArchitectures().back().audit, 3)), SECCOMP_RET_KILL_PROCESS);
}

TEST(FilterProgram, ReportsNamesThatNobodyKnows) {
  auto program =
      CompileProfile(With({{"read", kAllow, {}}, {"raed", kAllow, {}}, {"s390_pci_mmio_read", kAllow, {}}}));
  ASSERT_TRUE(program);
  EXPECT_THAT(program->skipped, ::testing::ElementsAre("raed"));
}

TEST(FilterProgram, PrefersTheFirstRuleWithoutConditions) {
  SeccompCondition eight{.argument = 0, .op = SeccompOperator::kEqual, .value = 8};
  EXPECT_EQ(
      VerdictOf(With({{"personality", kNoSys, {eight}}, {"personality", kAllow, {}}}), "personality", {8}),
      kAllow);
  EXPECT_EQ(VerdictOf(With({{"personality", kNoSys, {}}, {"personality", kAllow, {}}}), "personality"),
            kNoSys);
}

TEST(FilterProgram, TriesConditionsInOrder) {
  SeccompCondition eight{.argument = 0, .op = SeccompOperator::kEqual, .value = 8};
  SeccompCondition some{.argument = 0, .op = SeccompOperator::kGreater, .value = 3};
  SeccompProfile profile = With({{"personality", kNoSys, {eight}}, {"personality", kAllow, {some}}});
  EXPECT_EQ(VerdictOf(profile, "personality", {8}), kNoSys);
  EXPECT_EQ(VerdictOf(profile, "personality", {9}), kAllow);
  EXPECT_EQ(VerdictOf(profile, "personality", {3}), kDeny);
}

TEST(FilterProgram, NeedsAllConditionsOfARule) {
  SeccompCondition first{.argument = 0, .op = SeccompOperator::kEqual, .value = 1};
  SeccompCondition second{.argument = 2, .op = SeccompOperator::kNotEqual, .value = 5};
  SeccompProfile profile = With({{"mmap", kAllow, {first, second}}});
  EXPECT_EQ(VerdictOf(profile, "mmap", {1, 0, 4}), kAllow);
  EXPECT_EQ(VerdictOf(profile, "mmap", {1, 0, 5}), kDeny);
  EXPECT_EQ(VerdictOf(profile, "mmap", {2, 0, 4}), kDeny);
}

struct ComparisonCase {
  SeccompOperator op;
  bool (*truth)(uint64_t argument, uint64_t value);
};
class Comparison : public ::testing::TestWithParam<ComparisonCase> {};

// Around every carry between the halves of an argument.
constexpr uint64_t kCorners[] = {
    0,           1,           0x7fffffff,         0x80000000,         0xffffffff,         0x100000000,
    0x100000001, 0x1ffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000, 0xffffffffffffffff};

TEST_P(Comparison, SeesAllBitsOfAnArgument) {
  if (!Native().wide) GTEST_SKIP() << "arguments have 32 bits here";
  for (uint64_t value : kCorners) {
    SeccompCondition condition{.argument = 3, .op = GetParam().op, .value = value};
    auto program = CompileProfile(With({{"mmap", kAllow, {condition}}})).value().instructions;
    for (uint64_t argument : kCorners) {
      uint32_t verdict = RunFilter(program, Call(Native().audit, Number("mmap"), {0, 0, 0, argument}));
      EXPECT_EQ(verdict == kAllow, GetParam().truth(argument, value)) << argument << " against " << value;
    }
  }
}

TEST_P(Comparison, SeesTheLowHalfOfAnInt) {
  for (uint64_t value : {uint64_t{0}, uint64_t{38}, uint64_t{0xffffffff}}) {
    SeccompCondition condition{
        .argument = 0, .op = GetParam().op, .value = value, .width = ArgumentWidth::kInt};
    auto program = CompileProfile(With({{"mmap", kAllow, {condition}}})).value().instructions;
    for (uint64_t argument : kCorners) {
      uint32_t verdict = RunFilter(program, Call(Native().audit, Number("mmap"), {argument}));
      EXPECT_EQ(verdict == kAllow, GetParam().truth(argument & 0xffffffff, value))
          << argument << " against " << value;
    }
  }
}

// A 64-bit value never equals what a 32-bit process can pass.
TEST_P(Comparison, DoesNotCutValuesForNarrowArchitectures) {
  if (HostArchitectures().size() < 2) GTEST_SKIP() << "no 32-bit architecture beside the native one";
  const SeccompArchitecture& narrow = HostArchitectures()[1];
  for (uint64_t value : kCorners) {
    SeccompCondition condition{.argument = 0, .op = GetParam().op, .value = value};
    auto program = CompileProfile(With({{"read", kAllow, {condition}}})).value().instructions;
    for (uint64_t argument : {uint64_t{0}, uint64_t{1}, uint64_t{0xffffffff}}) {
      uint32_t verdict =
          RunFilter(program, Call(narrow.audit, FindSyscall(narrow, "read").number, {argument}));
      EXPECT_EQ(verdict == kAllow, GetParam().truth(argument, value)) << argument << " against " << value;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Comparison,
    ::testing::Values(
        ComparisonCase{SeccompOperator::kEqual, [](uint64_t a, uint64_t v) { return a == v; }},
        ComparisonCase{SeccompOperator::kNotEqual, [](uint64_t a, uint64_t v) { return a != v; }},
        ComparisonCase{SeccompOperator::kLess, [](uint64_t a, uint64_t v) { return a < v; }},
        ComparisonCase{SeccompOperator::kLessOrEqual, [](uint64_t a, uint64_t v) { return a <= v; }},
        ComparisonCase{SeccompOperator::kGreater, [](uint64_t a, uint64_t v) { return a > v; }},
        ComparisonCase{SeccompOperator::kGreaterOrEqual, [](uint64_t a, uint64_t v) { return a >= v; }}));

TEST(FilterProgram, MasksBothHalves) {
  if (!Native().wide) GTEST_SKIP() << "arguments have 32 bits here";
  SeccompCondition condition{.op = SeccompOperator::kMaskedEqual, .value = 0x200000010, .mask = 0x3000000f0};
  SeccompProfile profile = With({{"mmap", kAllow, {condition}}});
  EXPECT_EQ(VerdictOf(profile, "mmap", {0x200000010}), kAllow);
  EXPECT_EQ(VerdictOf(profile, "mmap", {0xf20000001f}), kAllow);
  EXPECT_EQ(VerdictOf(profile, "mmap", {0x300000010}), kDeny);
  EXPECT_EQ(VerdictOf(profile, "mmap", {0x200000030}), kDeny);
}

}  // namespace
}  // namespace davit::cri
