// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "cri/host/cgroup/device_filter.h"
#include "cri/host/cgroup/device_program.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const DeviceRule kDenyAll{false, 'a', -1, -1, "rwm"};
const DeviceRule kAllowAll{true, 'a', -1, -1, "rwm"};

DeviceRule Allow(char type, int64_t major, int64_t minor, std::string access = "rwm") {
  return {true, type, major, minor, std::move(access)};
}
DeviceRule Deny(char type, int64_t major, int64_t minor, std::string access = "rwm") {
  return {false, type, major, minor, std::move(access)};
}

DeviceFilter Reduce(const std::vector<DeviceRule>& rules) {
  Result<DeviceFilter> filter = ReduceDeviceRules(rules);
  EXPECT_TRUE(filter) << filter.error().ToString();
  return filter.value_or(DeviceFilter{});
}

TEST(DeviceFilterTest, RulesOfOneDeviceAreMerged) {
  EXPECT_THAT(Reduce({kDenyAll, Allow('c', 1, 3, "r"), Allow('c', 1, 5), Allow('c', 1, 3, "w")}).allowed,
              ElementsAre(Allow('c', 1, 3, "rw"), Allow('c', 1, 5)));
}

TEST(DeviceFilterTest, ALaterDenialTakesAccessesAway) {
  EXPECT_THAT(Reduce({kDenyAll, Allow('c', 1, 3), Deny('c', 1, 3, "wm")}).allowed,
              ElementsAre(Allow('c', 1, 3, "r")));
  EXPECT_THAT(Reduce({kDenyAll, Allow('c', 1, 3), Deny('c', 1, 3)}).allowed, IsEmpty());
}

TEST(DeviceFilterTest, ARuleForEverythingForgetsWhatWasBefore) {
  EXPECT_EQ(Reduce({kDenyAll, Allow('c', 1, 3), kAllowAll}), (DeviceFilter{true, {}}));
  EXPECT_EQ(Reduce({kAllowAll, kDenyAll, Allow('b', 8, -1, "r")}),
            (DeviceFilter{false, {Allow('b', 8, -1, "r")}}));
}

TEST(DeviceFilterTest, WhatCannotBeExpressedIsRefused) {
  for (const std::vector<DeviceRule>& rules : std::vector<std::vector<DeviceRule>>{
           {kDenyAll, Allow('c', 1, -1), Deny('c', 1, 3)},
           {kDenyAll, Allow('c', -1, -1, "r"), Deny('c', 1, 3, "r")},
           {kAllowAll, Deny('c', 1, 3)},
           {Deny('a', -1, -1, "w")},
       }) {
    Result<DeviceFilter> filter = ReduceDeviceRules(rules);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().code, Code::kInvalidArgument);
  }
  EXPECT_THAT(Reduce({kDenyAll, Allow('c', 1, -1, "r"), Deny('c', 1, 3, "w")}).allowed,
              ElementsAre(Allow('c', 1, -1, "r")));
}

TEST(DeviceFilterTest, MalformedRulesAreNamed) {
  for (const DeviceRule& rule :
       {Allow('x', 1, 3), Allow('c', -2, 3), Allow('c', 4096, 0), Allow('c', 1, 1 << 20),
        Allow('c', 1, 3, ""), Allow('c', 1, 3, "rx"), Allow('a', 1, 3)}) {
    Result<DeviceFilter> filter = ReduceDeviceRules(std::vector<DeviceRule>{kDenyAll, rule});
    ASSERT_FALSE(filter) << FormatDeviceRule(rule);
    EXPECT_THAT(filter.error().ToString(), HasSubstr(FormatDeviceRule(rule)));
  }
}

TEST(DeviceFilterTest, RulesAreWrittenAsTheKernelReadsThem) {
  EXPECT_EQ(FormatDeviceRule(Allow('c', 136, -1, "rw")), "c 136:* rw");
  EXPECT_EQ(FormatDeviceRule(kDenyAll), "a *:* rwm");
}

// What the kernel would do, for the instructions that device programs consist of.
int64_t Interpret(const std::vector<bpf_insn>& program, const bpf_cgroup_dev_ctx& context) {
  std::array<uint64_t, 11> r{};
  size_t at = 0;
  for (int steps = 0; steps < 100'000 && at < program.size(); ++steps) {
    const bpf_insn& insn = program[at++];
    uint64_t& dst = r.at(insn.dst_reg);
    uint32_t low = static_cast<uint32_t>(dst);
    switch (insn.code) {
      case BPF_LDX | BPF_MEM | BPF_W: {
        uint32_t value = 0;
        if (insn.off < 0 || static_cast<size_t>(insn.off) + sizeof value > sizeof context) return -1;
        std::memcpy(&value, reinterpret_cast<const char*>(&context) + insn.off, sizeof value);
        dst = value;
        break;
      }
      case BPF_ALU | BPF_MOV | BPF_X:
        dst = static_cast<uint32_t>(r.at(insn.src_reg));
        break;
      case BPF_ALU | BPF_MOV | BPF_K:
        dst = static_cast<uint32_t>(insn.imm);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        dst = low & static_cast<uint32_t>(insn.imm);
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        dst = low >> insn.imm;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        if (low != static_cast<uint32_t>(insn.imm)) at += static_cast<size_t>(insn.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return static_cast<int64_t>(r[0]);
      default:
        return -1;
    }
  }
  return -1;  // ran off the end
}

uint32_t AccessType(char type, std::string_view access) {
  uint32_t bits = 0;
  if (access.contains('r')) bits |= BPF_DEVCG_ACC_READ;
  if (access.contains('w')) bits |= BPF_DEVCG_ACC_WRITE;
  if (access.contains('m')) bits |= BPF_DEVCG_ACC_MKNOD;
  return bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
}

int64_t Ask(const DeviceFilter& filter, char type, uint32_t major, uint32_t minor, std::string_view access) {
  return Interpret(BuildDeviceProgram(filter), {AccessType(type, access), major, minor});
}

TEST(DeviceProgramTest, GrantsWhatOneRuleGrantsWhole) {
  DeviceFilter filter =
      Reduce({kDenyAll, Allow('c', 1, 3, "rw"), Allow('b', 8, -1, "r"), Allow('c', -1, -1, "m")});
  EXPECT_EQ(Ask(filter, 'c', 1, 3, "r"), 1);
  EXPECT_EQ(Ask(filter, 'c', 1, 3, "rw"), 1);
  EXPECT_EQ(Ask(filter, 'c', 1, 3, "m"), 1) << "by the rule for all character devices";
  EXPECT_EQ(Ask(filter, 'c', 1, 3, "rwm"), 0) << "two rules do not add up";
  EXPECT_EQ(Ask(filter, 'b', 1, 3, "r"), 0);
  EXPECT_EQ(Ask(filter, 'c', 1, 5, "r"), 0);
  EXPECT_EQ(Ask(filter, 'b', 8, 17, "r"), 1);
  EXPECT_EQ(Ask(filter, 'b', 8, 17, "rw"), 0);
  EXPECT_EQ(Ask(filter, 'b', 9, 17, "r"), 0);
  EXPECT_EQ(Ask(filter, 'b', 8, 17, "m"), 0);
}

TEST(DeviceProgramTest, WithoutRulesEverythingIsDeniedOrAllowed) {
  EXPECT_EQ(Ask(Reduce({kDenyAll}), 'c', 1, 3, "r"), 0);
  EXPECT_EQ(Ask(Reduce({kAllowAll}), 'c', 1, 3, "rwm"), 1);
}

TEST(DeviceProgramTest, AgreesWithTheRulesForEveryAccess) {
  std::vector<DeviceRule> rules = {kDenyAll, Allow('c', 1, 3, "r"), Allow('c', 5, -1, "wm"),
                                   Allow('b', -1, 0, "rw")};
  DeviceFilter filter = Reduce(rules);
  for (char type : {'b', 'c'}) {
    for (uint32_t major : {1u, 5u, 7u}) {
      for (uint32_t minor : {0u, 3u}) {
        for (std::string access : {"r", "w", "m", "rw", "rm", "wm", "rwm"}) {
          bool expected = std::ranges::any_of(filter.allowed, [&](const DeviceRule& rule) {
            return rule.type == type && (rule.major == -1 || rule.major == major) &&
                   (rule.minor == -1 || rule.minor == minor) &&
                   access.find_first_not_of(rule.access) == std::string::npos;
          });
          EXPECT_EQ(Ask(filter, type, major, minor, access), expected)
              << type << major << ':' << minor << access;
        }
      }
    }
  }
}

}  // namespace
}  // namespace davit::cri
