// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Both ways into the socket and System V IPC calls of i386, and x32, compared with libseccomp.
#include "cri/host/seccomp/multiplexer.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/ipc.h>
#include <linux/net.h>
#include <sys/socket.h>

#include <cerrno>

#include "cri/host/seccomp/filter_program.h"
#include "cri/host/seccomp/testing/filter_simulator.h"
#include "cri/host/seccomp/testing/i386_call.h"

namespace davit::cri {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kDeny = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr uint32_t kSocketCall = 102;
constexpr uint32_t kIpc = 117;
constexpr uint32_t kSocket = 359;  // of its own
constexpr uint32_t kX32Bit = 0x40000000;

constexpr const char* kNames[] = {
    "socket",  "bind",    "connect",  "listen",   "accept",   "getsockname", "getpeername", "socketpair",
    "send",    "recv",    "sendto",   "recvfrom", "shutdown", "setsockopt",  "getsockopt",  "sendmsg",
    "recvmsg", "accept4", "recvmmsg", "sendmmsg", "semop",    "semget",      "semctl",      "semtimedop",
    "msgsnd",  "msgrcv",  "msgget",   "msgctl",   "shmat",    "shmdt",       "shmget",      "shmctl"};

bool HostRunsI386() {
  return HostArchitectures().back().audit == AUDIT_ARCH_I386;
}

std::vector<sock_filter> Compile(const SeccompProfile& profile) {
  return CompileProfile(profile).value().instructions;
}

uint32_t OnI386(const SeccompProfile& profile, uint32_t number, uint64_t first) {
  return RunFilter(Compile(profile), Call(AUDIT_ARCH_I386, number, {first}));
}

SeccompProfile Denies(std::vector<SeccompRule> rules) {
  return {.default_verdict = kAllow, .compat_architecture = true, .rules = std::move(rules)};
}
SeccompProfile Allows(std::vector<SeccompRule> rules) {
  return {.default_verdict = kDeny, .compat_architecture = true, .rules = std::move(rules)};
}

SeccompCondition First(SeccompOperator op, uint64_t value) {
  return {.argument = 0, .op = op, .value = value, .mask = 0, .width = ArgumentWidth::kInt};
}

// The default on the left, the verdict of the rules on the right.
class BothDefaults : public ::testing::TestWithParam<std::pair<uint32_t, uint32_t>> {
 protected:
  void SetUp() override {
    if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  }
  SeccompProfile With(std::vector<SeccompRule> rules) const {
    // Newer than all others, so that the numbers below it get the default.
    rules.push_back({"file_setattr", GetParam().second, {}});
    return {.default_verdict = GetParam().first, .compat_architecture = true, .rules = std::move(rules)};
  }
};

INSTANTIATE_TEST_SUITE_P(Seccomp, BothDefaults,
                         ::testing::Values(std::pair(kAllow, kDeny), std::pair(kDeny, kAllow)));

TEST_P(BothDefaults, ARuleHoldsForBothWaysOfI386AsInLibseccomp) {
  for (const char* name : kNames) {
    // The second rule keeps libseccomp 2.5.4 from leaving out the load of the number before rules like
    // "accept".
    SeccompProfile profile = With({{name, GetParam().second, {}}, {"chroot", GetParam().second, {}}});
    auto ours = Compile(profile);
    auto theirs = CompileByLibseccomp(profile, LibseccompForm::kList);
    for (uint32_t number = 0; number <= 450; ++number) {
      for (uint64_t first = 0; first <= 25; ++first) {
        seccomp_data call = Call(AUDIT_ARCH_I386, number, {first});
        ASSERT_EQ(RunFilter(ours, call), RunFilter(theirs, call)) << name << ": " << number << " " << first;
      }
    }
  }
}

TEST_P(BothDefaults, AllRulesTogetherHoldAsInLibseccomp) {
  std::vector<SeccompRule> rules;
  for (const char* name : kNames) rules.push_back({name, GetParam().second, {}});
  SeccompProfile profile = With(rules);
  auto ours = Compile(profile);
  auto theirs = CompileByLibseccomp(profile, LibseccompForm::kList);
  for (const SeccompArchitecture& architecture : HostArchitectures()) {
    for (uint32_t number = 0; number <= 450; ++number) {
      if (architecture.wide && (number == 335 || number == 336)) continue;  // not in every libseccomp
      for (uint64_t first = 0; first <= 25; ++first) {
        seccomp_data call = Call(architecture.audit, number, {first});
        ASSERT_EQ(RunFilter(ours, call), RunFilter(theirs, call)) << number << " " << first;
      }
    }
  }
}

// libseccomp kills for an architecture that the profile does not list; the kernel has ENOSYS for x32 when it
// is switched off, which is what programs know how to take.
TEST_P(BothDefaults, X32NeverGetsTheDefault) {
  SeccompProfile profile = With({{"chroot", GetParam().second, {}}});
  auto ours = Compile(profile);
  auto theirs = CompileByLibseccomp(profile, LibseccompForm::kList);
  auto check = [&](uint32_t number) {
    seccomp_data call = Call(AUDIT_ARCH_X86_64, number);
    EXPECT_EQ(RunFilter(theirs, call), kKill) << number;
    EXPECT_EQ(RunFilter(ours, call), kNoSys) << number;
  };
  for (uint32_t number = 0; number <= 600; ++number) check(kX32Bit | number);
  for (uint32_t number : {0x7fffffffu, 0x80000000u, 0xbfffffffu, 0xc0000000u, 0xfffffffeu}) check(number);
}

// A tracer sets this number to skip a call (ptrace(2)).
TEST_P(BothDefaults, ASkippedCallIsNoX32Call) {
  SeccompProfile profile = With({});
  seccomp_data call = Call(AUDIT_ARCH_X86_64, 0xffffffff);
  EXPECT_EQ(RunFilter(Compile(profile), call), GetParam().first == kAllow ? kAllow : kNoSys);
}

TEST(Multiplexers, AVersionInTheUpperHalfDoesNotHideTheSubCall) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile profile = Denies({{"shmget", kDeny, {}}});
  EXPECT_EQ(OnI386(profile, kIpc, SHMGET), kDeny);
  EXPECT_EQ(OnI386(profile, kIpc, 1u << 16 | SHMGET), kDeny);
  EXPECT_EQ(OnI386(profile, kIpc, SHMAT), kAllow);
}

TEST(Multiplexers, AConditionalDenialClosesTheWholeSubCall) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile profile = Denies({{"socket", kDeny, {First(SeccompOperator::kEqual, AF_ALG)}}});
  EXPECT_EQ(OnI386(profile, kSocket, AF_ALG), kDeny);
  EXPECT_EQ(OnI386(profile, kSocket, AF_INET), kAllow);
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_SOCKET), kDeny);
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_CONNECT), kAllow);
}

TEST(Multiplexers, AConditionalPermissionDoesNotOpenTheSubCall) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile profile =
      Allows({{"socket", kAllow, {First(SeccompOperator::kNotEqual, AF_VSOCK)}}, {"connect", kAllow, {}}});
  EXPECT_EQ(OnI386(profile, kSocket, AF_INET), kAllow);
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_SOCKET), kDeny);
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_CONNECT), kAllow);
}

TEST(Multiplexers, TheMostSevereOfConditionalRulesDecides) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile profile = Denies({{"socket", SECCOMP_RET_LOG, {First(SeccompOperator::kEqual, AF_INET)}},
                                   {"socket", kKill, {First(SeccompOperator::kEqual, AF_ALG)}},
                                   {"socket", kDeny, {First(SeccompOperator::kEqual, AF_VSOCK)}}});
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_SOCKET), kKill);
}

TEST(Multiplexers, ARuleWithoutConditionsDecidesBesideConditionalOnes) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile profile =
      Denies({{"socket", kKill, {First(SeccompOperator::kEqual, AF_ALG)}}, {"socket", kDeny, {}}});
  EXPECT_EQ(OnI386(profile, kSocketCall, SYS_SOCKET), kDeny);
}

TEST(Multiplexers, RulesForTheMultiplexerItselfComeFirst) {
  if (!HostRunsI386()) GTEST_SKIP() << "no i386 calls on this architecture";
  SeccompProfile all = Allows({{"socketcall", kAllow, {}}, {"socket", SECCOMP_RET_LOG, {}}});
  EXPECT_EQ(OnI386(all, kSocketCall, SYS_SOCKET), kAllow);
  SeccompProfile one = Allows({{"connect", kAllow, {}},
                               {"bind", kAllow, {}},
                               {"socketcall", kNoSys, {First(SeccompOperator::kEqual, SYS_CONNECT)}}});
  EXPECT_EQ(OnI386(one, kSocketCall, SYS_CONNECT), kNoSys);
  EXPECT_EQ(OnI386(one, kSocketCall, SYS_BIND), kAllow);
  EXPECT_EQ(OnI386(one, kSocketCall, SYS_LISTEN), kDeny);
}

#if defined(__x86_64__)
TEST(Multiplexers, HoldInTheKernel) {
  if (!KernelRunsI386()) GTEST_SKIP() << "this kernel runs no i386 calls (CONFIG_IA32_EMULATION)";
  auto program = Compile(Denies({{"socket", kDeny, {}}, {"shmget", kDeny, {}}}));
  int failed = ExitCodeUnderFilter(program, [] {
    if (I386Call(kSocketCall, SYS_SOCKET, 0, 0) != -EPERM) return 1;
    if (I386Call(kSocketCall, SYS_BIND, 0, 0) != -EFAULT) return 2;
    if (I386Call(kSocket, AF_UNIX, SOCK_STREAM, 0) != -EPERM) return 3;
    if (I386Call(kIpc, SHMGET, 0, 0) != -EPERM) return 4;
    if (I386Call(kIpc, 1 << 16 | SHMGET, 0, 0) != -EPERM) return 5;
    return 0;
  });
  EXPECT_EQ(failed, 0) << "the number of the check that failed";
}
#endif

}  // namespace
}  // namespace davit::cri
