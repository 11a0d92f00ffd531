// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/filter_program.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <set>
#include <span>

#include "cri/host/seccomp/architecture.h"
#include "cri/host/seccomp/bpf_assembler.h"
#include "cri/host/seccomp/multiplexer.h"

namespace davit::cri {
namespace {

using Target = BpfAssembler::Target;
static_assert(std::endian::native == std::endian::little, "offsets of argument halves");

// Calls of 32-bit Arm alone stand far above the others (arch/arm/include/uapi/asm/unistd.h, __ARM_NR_BASE).
constexpr uint32_t kArmPrivate = 0x0f0000;

// x32 calls (arch/x86/include/uapi/asm/unistd.h) up to, but not including, the number that a tracer sets to
// skip a call.
constexpr uint32_t kX32 = 0x40000000;
constexpr uint32_t kSkipped = 0xffffffff;
constexpr uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;

constexpr uint32_t LowHalf(uint8_t argument) {
  return offsetof(seccomp_data, args) + argument * sizeof(uint64_t);
}
constexpr uint32_t HighHalf(uint8_t argument) {
  return LowHalf(argument) + sizeof(uint32_t);
}
constexpr uint32_t Low(uint64_t value) {
  return static_cast<uint32_t>(value);
}
constexpr uint32_t High(uint64_t value) {
  return static_cast<uint32_t>(value >> 32);
}

bool IsNegated(SeccompOperator op) {
  return op == SeccompOperator::kNotEqual || op == SeccompOperator::kLess ||
         op == SeccompOperator::kLessOrEqual;
}

// What a profile says about one call of one architecture.
struct CallRules {
  const SeccompRule* always = nullptr;
  std::vector<const SeccompRule*> conditional;
  std::map<uint32_t, uint32_t> sub_calls;  // of a multiplexer: verdicts when no condition holds
  uint32_t sub_call_mask = 0;
};

// How a call is decided: by trying conditions, or else by a verdict.
struct Decision {
  uint32_t verdict = 0;
  const CallRules* conditions = nullptr;

  bool operator==(const Decision&) const = default;
};

// Numbers from `first` to the next range's first. They end alike, but for the exceptions.
struct Range {
  uint32_t first;
  Decision decision;
  std::vector<std::pair<uint32_t, Decision>> exceptions;
};

// An exception costs one instruction where a range of its own costs two; but they are tried one after the
// other.
constexpr size_t kMaxExceptions = 3;

void Append(std::vector<Range>& ranges, uint32_t first, Decision decision) {
  if (ranges.empty() || ranges.back().decision != decision) ranges.push_back({first, decision, {}});
}

// Makes exceptions of ranges that hold one number between two that end alike.
std::vector<Range> FoldSingleNumbers(const std::vector<Range>& ranges) {
  std::vector<Range> folded;
  for (size_t i = 0; i < ranges.size(); ++i) {
    bool single = !folded.empty() && i + 1 < ranges.size() && ranges[i + 1].first == ranges[i].first + 1 &&
                  ranges[i + 1].decision == folded.back().decision;
    if (single && folded.back().exceptions.size() < kMaxExceptions) {
      folded.back().exceptions.emplace_back(ranges[i].first, ranges[i].decision);
      ++i;  // the next range continues the one before the exception
    } else {
      folded.push_back(ranges[i]);
    }
  }
  return folded;
}

class ArchitectureProgram {
 public:
  ArchitectureProgram(const SeccompProfile& profile, const SeccompArchitecture& architecture,
                      BpfAssembler& bpf)
      : profile_(profile), architecture_(architecture), bpf_(bpf) {}

  // Places the program that decides a call of this architecture.
  Target Place(std::set<std::string>& skipped) {
    SortRules(skipped);
    std::vector<Range> ranges = Ranges();
    return bpf_.Load(offsetof(seccomp_data, nr), Search(ranges));
  }

 private:
  void SortRules(std::set<std::string>& skipped);
  std::vector<Range> Ranges() const;
  std::vector<Range> SubCallRanges(const CallRules& rules) const;
  uint32_t BeyondVerdict() const;
  Target Search(std::span<const Range> ranges);
  Target Leaf(const Range& range);
  Target Decide(const Decision& decision);
  Target DecideSubCall(const CallRules& rules);
  Target Test(const SeccompCondition& condition, Target yes, Target no);
  Target TestEqual(uint8_t argument, uint64_t value, uint64_t mask, bool wide, Target yes, Target no);
  Target TestOrder(uint16_t jump, uint8_t argument, uint64_t value, bool wide, Target yes, Target no);

  const SeccompProfile& profile_;
  const SeccompArchitecture& architecture_;
  BpfAssembler& bpf_;
  std::map<uint32_t, CallRules> calls_;
};

void ArchitectureProgram::SortRules(std::set<std::string>& skipped) {
  SubCallVerdicts sub_calls(profile_.default_verdict);
  for (const SeccompRule& rule : profile_.rules) {
    if (auto sub_call = FindSubCall(architecture_, rule.syscall)) sub_calls.Add(*sub_call, rule);
    SyscallNumber call = FindSyscall(architecture_, rule.syscall);
    if (call.known == SyscallName::kUnknown) skipped.insert(rule.syscall);
    if (call.known != SyscallName::kHere) continue;
    CallRules& rules = calls_[call.number];
    if (!rule.all_of.empty()) {
      rules.conditional.push_back(&rule);
    } else if (rules.always == nullptr) {
      rules.always = &rule;
    }
  }
  for (auto& [multiplexer, verdicts] : sub_calls.Verdicts()) {
    calls_[multiplexer].sub_calls = verdicts;
    calls_[multiplexer].sub_call_mask = SubCallMask(multiplexer);
  }
}

uint32_t ArchitectureProgram::BeyondVerdict() const {
  uint32_t action = profile_.default_verdict & SECCOMP_RET_ACTION_FULL;
  bool lets_pass = action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_TRACE;
  return lets_pass ? profile_.default_verdict : kNoSuchCall;
}

std::vector<Range> ArchitectureProgram::Ranges() const {
  std::vector<Range> ranges;
  uint32_t next = 0;
  for (const auto& [number, rules] : calls_) {
    if (number > next)
      Append(ranges, next, {number < kArmPrivate ? profile_.default_verdict : BeyondVerdict()});
    Append(ranges, number, rules.always != nullptr ? Decision{rules.always->verdict} : Decision{0, &rules});
    next = number + 1;
  }
  Append(ranges, next, {BeyondVerdict()});
  if (architecture_.audit == AUDIT_ARCH_X86_64) {
    Append(ranges, kX32, {kNoSuchCall});
    Append(ranges, kSkipped, {BeyondVerdict()});
  }
  return FoldSingleNumbers(ranges);
}

std::vector<Range> ArchitectureProgram::SubCallRanges(const CallRules& rules) const {
  std::vector<Range> ranges;
  uint32_t next = 0;
  for (const auto& [number, verdict] : rules.sub_calls) {
    if (number > next) Append(ranges, next, {profile_.default_verdict});
    Append(ranges, number, {verdict});
    next = number + 1;
  }
  Append(ranges, next, {profile_.default_verdict});
  return FoldSingleNumbers(ranges);
}

Target ArchitectureProgram::Search(std::span<const Range> ranges) {
  if (ranges.size() == 1) return Leaf(ranges[0]);
  size_t middle = ranges.size() / 2;
  Target right = Search(ranges.subspan(middle));
  Target left = Search(ranges.first(middle));
  return bpf_.Branch(BPF_JGE, ranges[middle].first, right, left);
}

Target ArchitectureProgram::Leaf(const Range& range) {
  Target target = Decide(range.decision);
  for (const auto& [number, decision] : range.exceptions) {
    target = bpf_.Branch(BPF_JEQ, number, Decide(decision), target);
  }
  return target;
}

Target ArchitectureProgram::Decide(const Decision& decision) {
  if (decision.conditions == nullptr) return bpf_.Return(decision.verdict);
  const std::vector<const SeccompRule*>& rules = decision.conditions->conditional;
  Target next = DecideSubCall(*decision.conditions);
  for (size_t i = rules.size(); i > 0; --i) {
    const SeccompRule& rule = *rules[i - 1];
    Target matched = bpf_.Return(rule.verdict);
    for (const SeccompCondition& condition : rule.all_of) matched = Test(condition, matched, next);
    next = matched;
  }
  return next;
}

Target ArchitectureProgram::DecideSubCall(const CallRules& rules) {
  if (rules.sub_calls.empty()) return bpf_.Return(profile_.default_verdict);
  std::vector<Range> ranges = SubCallRanges(rules);
  Target search = Search(ranges);
  if (rules.sub_call_mask != ~uint32_t{0}) search = bpf_.And(rules.sub_call_mask, search);
  return bpf_.Load(LowHalf(0), search);
}

Target ArchitectureProgram::Test(const SeccompCondition& condition, Target yes, Target no) {
  bool wide = architecture_.wide && condition.width == ArgumentWidth::kFull;
  uint8_t argument = condition.argument;
  uint64_t value = condition.value;
  // A value that the argument cannot have is neither equal to it nor below it.
  if (!wide && High(value) != 0) return IsNegated(condition.op) ? yes : no;
  switch (condition.op) {
    case SeccompOperator::kEqual:
      return TestEqual(argument, value, ~uint64_t{0}, wide, yes, no);
    case SeccompOperator::kNotEqual:
      return TestEqual(argument, value, ~uint64_t{0}, wide, no, yes);
    case SeccompOperator::kMaskedEqual:
      return TestEqual(argument, value, condition.mask, wide, yes, no);
    case SeccompOperator::kGreater:
      return TestOrder(BPF_JGT, argument, value, wide, yes, no);
    case SeccompOperator::kLessOrEqual:
      return TestOrder(BPF_JGT, argument, value, wide, no, yes);
    case SeccompOperator::kGreaterOrEqual:
      return TestOrder(BPF_JGE, argument, value, wide, yes, no);
    case SeccompOperator::kLess:
      return TestOrder(BPF_JGE, argument, value, wide, no, yes);
  }
  return no;
}

Target ArchitectureProgram::TestEqual(uint8_t argument, uint64_t value, uint64_t mask, bool wide, Target yes,
                                      Target no) {
  auto half = [this, no](uint32_t offset, uint32_t half_value, uint32_t half_mask, Target equal) {
    Target compare = bpf_.Branch(BPF_JEQ, half_value, equal, no);
    if (half_mask != ~uint32_t{0}) compare = bpf_.And(half_mask, compare);
    return bpf_.Load(offset, compare);
  };
  Target low = half(LowHalf(argument), Low(value), Low(mask), yes);
  if (!wide || (High(mask) == 0 && High(value) == 0)) return low;
  return half(HighHalf(argument), High(value), High(mask), low);
}

Target ArchitectureProgram::TestOrder(uint16_t jump, uint8_t argument, uint64_t value, bool wide, Target yes,
                                      Target no) {
  Target low = bpf_.Load(LowHalf(argument), bpf_.Branch(jump, Low(value), yes, no));
  if (!wide) return low;
  Target equal = bpf_.Branch(BPF_JEQ, High(value), low, no);
  return bpf_.Load(HighHalf(argument), bpf_.Branch(BPF_JGT, High(value), yes, equal));
}

}  // namespace

Result<FilterProgram> CompileProfile(const SeccompProfile& profile) {
  FilterProgram result;
  std::set<std::string> skipped;
  BpfAssembler bpf;
  std::span<const SeccompArchitecture> architectures = HostArchitectures();
  if (!profile.compat_architecture) architectures = architectures.first(1);

  // The native program is placed last, so that it stands first.
  Target dispatch = bpf.Return(SECCOMP_RET_KILL_PROCESS);
  for (size_t i = architectures.size(); i > 0; --i) {
    Target program = ArchitectureProgram(profile, architectures[i - 1], bpf).Place(skipped);
    dispatch = bpf.Branch(BPF_JEQ, architectures[i - 1].audit, program, dispatch);
  }
  result.instructions = TRY(bpf.Finish(bpf.Load(offsetof(seccomp_data, arch), dispatch)));
  result.skipped.assign(skipped.begin(), skipped.end());
  return result;
}

}  // namespace davit::cri
