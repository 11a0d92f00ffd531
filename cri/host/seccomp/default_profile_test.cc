// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/default_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "cri/host/seccomp/architecture.h"
#include "cri/host/seccomp/filter_program.h"
#include "cri/host/seccomp/testing/filter_simulator.h"
#include "cri/host/seccomp/testing/i386_call.h"

namespace davit::cri {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kDeny = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint64_t kEverything = ~uint64_t{0};

constexpr uint64_t Bit(int capability) {
  return uint64_t{1} << capability;
}

// Compiled once for all cases of a test.
const std::vector<sock_filter>& Program(uint64_t capabilities) {
  static std::map<uint64_t, std::vector<sock_filter>> programs;
  auto [entry, added] = programs.try_emplace(capabilities);
  if (added) entry->second = CompileProfile(DefaultSeccompProfile(capabilities)).value().instructions;
  return entry->second;
}

uint32_t VerdictOf(uint64_t capabilities, const std::string& name, std::array<uint64_t, 6> args = {},
                   const SeccompArchitecture& architecture = HostArchitectures().front()) {
  SyscallNumber call = FindSyscall(architecture, name);
  EXPECT_EQ(call.known, SyscallName::kHere) << name;
  return RunFilter(Program(capabilities), Call(architecture.audit, call.number, args));
}

TEST(DefaultProfile, KnowsEveryNameItLists) {
  EXPECT_THAT(CompileProfile(DefaultSeccompProfile(kEverything))->skipped, ::testing::IsEmpty());
}

// Loading it is the largest step of a start: limits.md has the reason to keep it short.
TEST(DefaultProfile, StaysShort) {
  EXPECT_LE(Program(0).size(), 200u);
  EXPECT_LE(Program(kEverything).size(), 200u);
}

TEST(DefaultProfile, AllowsOrdinaryCalls) {
  for (const char* name : {"read", "openat", "execve", "mmap", "futex", "epoll_pwait2", "clock_gettime",
                           "rseq", "connect", "memfd_create", "landlock_create_ruleset", "prlimit64",
                           "ptrace", "mseal", "fchmodat2", "file_getattr"}) {
    EXPECT_EQ(VerdictOf(0, name), kAllow) << name;
  }
}

TEST(DefaultProfile, RefusesWhatNoCapabilityPaysFor) {
  for (const char* name :
       {"io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
        "userfaultfd", "kexec_load", "kexec_file_load", "swapon", "swapoff", "pivot_root", "move_pages",
        "migrate_pages", "nfsservctl", "vserver", "uselib", "_sysctl", "ustat"}) {
    if (FindSyscall(HostArchitectures().front(), name).known != SyscallName::kHere) continue;
    EXPECT_EQ(VerdictOf(kEverything, name), kDeny) << name;
  }
}

TEST(DefaultProfile, SellsCallsForCapabilities) {
  struct Case {
    const char* name;
    uint64_t capabilities;
  };
  for (const Case& c :
       {Case{"mount", Bit(CAP_SYS_ADMIN)}, Case{"setns", Bit(CAP_SYS_ADMIN)},
        Case{"unshare", Bit(CAP_SYS_ADMIN)}, Case{"open_tree_attr", Bit(CAP_SYS_ADMIN)},
        Case{"bpf", Bit(CAP_SYS_ADMIN)}, Case{"bpf", Bit(CAP_BPF)}, Case{"perf_event_open", Bit(CAP_PERFMON)},
        Case{"syslog", Bit(CAP_SYSLOG)}, Case{"syslog", Bit(CAP_SYS_ADMIN)},
        Case{"kcmp", Bit(CAP_SYS_PTRACE)}, Case{"pidfd_getfd", Bit(CAP_SYS_PTRACE)},
        Case{"mbind", Bit(CAP_SYS_NICE)}, Case{"clock_settime", Bit(CAP_SYS_TIME)},
        Case{"finit_module", Bit(CAP_SYS_MODULE)}, Case{"open_by_handle_at", Bit(CAP_DAC_READ_SEARCH)},
        Case{"chroot", Bit(CAP_SYS_CHROOT)}, Case{"reboot", Bit(CAP_SYS_BOOT)},
        Case{"acct", Bit(CAP_SYS_PACCT)}, Case{"vhangup", Bit(CAP_SYS_TTY_CONFIG)}}) {
    EXPECT_EQ(VerdictOf(0, c.name), kDeny) << c.name;
    EXPECT_EQ(VerdictOf(c.capabilities, c.name), kAllow) << c.name;
  }
}

TEST(DefaultProfile, RefusesAddressFamiliesThatReachTheHost) {
  for (uint64_t family = 0; family < 64; ++family) {
    uint32_t expected = family == AF_ALG || family == AF_VSOCK ? kDeny : kAllow;
    EXPECT_EQ(VerdictOf(kEverything, "socket", {family}), expected) << family;
    // The kernel takes an int and forgets the high half; so must the filter.
    EXPECT_EQ(VerdictOf(kEverything, "socket", {family | uint64_t{1} << 32}), expected) << family;
  }
}

TEST(DefaultProfile, AllowsKnownPersonalitiesOnly) {
  for (uint64_t persona : {0x0u, 0x8u, 0x20000u, 0x20008u, 0xffffffffu}) {
    EXPECT_EQ(VerdictOf(0, "personality", {persona}), kAllow) << persona;
  }
  EXPECT_EQ(VerdictOf(0, "personality", {0x0040000}), kDeny);  // ADDR_NO_RANDOMIZE
  EXPECT_EQ(VerdictOf(0, "personality", {0x0400000}), kDeny);  // READ_IMPLIES_EXEC
}

TEST(DefaultProfile, LooksAtTheFlagsOfClone) {
  for (uint64_t flag : {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
                        CLONE_NEWCGROUP}) {
    EXPECT_EQ(VerdictOf(0, "clone", {flag | 17}), kDeny) << flag;
    EXPECT_EQ(VerdictOf(Bit(CAP_SYS_ADMIN), "clone", {flag | 17}), kAllow) << flag;
  }
  EXPECT_EQ(VerdictOf(0, "clone", {CLONE_VM | CLONE_VFORK | 17}), kAllow);
  EXPECT_EQ(VerdictOf(0, "clone3"), kNoSys);
  EXPECT_EQ(VerdictOf(Bit(CAP_SYS_ADMIN), "clone3"), kAllow);
}

TEST(DefaultProfile, LeavesI386NoWayAroundTheFamilies) {
  if (HostArchitectures().back().audit != AUDIT_ARCH_I386)
    GTEST_SKIP() << "no i386 calls on this architecture";
  const SeccompArchitecture& i386 = HostArchitectures().back();
  constexpr uint64_t kSocket = 1, kConnect = 3;
  EXPECT_EQ(VerdictOf(0, "socketcall", {kSocket}, i386), kNoSys);
  EXPECT_EQ(VerdictOf(0, "socketcall", {kConnect}, i386), kAllow);
  EXPECT_EQ(VerdictOf(0, "socket", {AF_INET}, i386), kAllow);
  EXPECT_EQ(VerdictOf(0, "socket", {AF_ALG}, i386), kDeny);
  EXPECT_EQ(VerdictOf(0, "shmget", {}, i386), kAllow);
}

TEST(DefaultProfile, GivesI386SocketsWhenItIsConfigured) {
  if (HostArchitectures().back().audit != AUDIT_ARCH_I386)
    GTEST_SKIP() << "no i386 calls on this architecture";
  constexpr uint32_t kSocketCall = 102;
  constexpr uint64_t kSocket = 1, kConnect = 3;
  auto program = CompileProfile(DefaultSeccompProfile(0, Socketcall::kAllowed)).value().instructions;
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_I386, kSocketCall, {kSocket})), kAllow);
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_I386, kSocketCall, {kConnect})), kAllow);
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_I386, 359, {AF_ALG})), kDeny)
      << "where the family can be seen";
  EXPECT_EQ(RunFilter(program, Call(AUDIT_ARCH_X86_64, 41, {AF_ALG})), kDeny);
}

// Every number up to well past the newest call, with arguments that conditions care about, on every
// architecture: our program and libseccomp's agree on everything that libseccomp's version knows.
TEST(DefaultProfile, AgreesWithLibseccomp) {
  for (uint64_t capabilities : {uint64_t{0}, uint64_t{0xa80425fb}, kEverything}) {
    SeccompProfile profile = DefaultSeccompProfile(capabilities);
    auto ours = Program(capabilities);
    auto theirs = CompileByLibseccomp(profile, LibseccompForm::kTree);
    for (const SeccompArchitecture& architecture : HostArchitectures()) {
      bool x86_64 = architecture.audit == AUDIT_ARCH_X86_64;
      bool i386 = architecture.audit == AUDIT_ARCH_I386;
      for (uint32_t number = 0; number <= 450; ++number) {
        if (x86_64 && (number == 335 || number == 336)) continue;  // newer than some versions of libseccomp
        // Ours does not open socketcall for a rule with conditions, and refuses it by ENOSYS (multiplexer.h).
        if (i386 && number == 102) continue;
        for (uint64_t first : {0u, 8u, 38u, 39u, 40u, 41u, 0x20000u, 0x10000011u, 0xffffffffu}) {
          seccomp_data call = Call(architecture.audit, number, {first});
          ASSERT_EQ(RunFilter(ours, call), RunFilter(theirs, call))
              << architecture.profile << " " << number << " " << first << " caps " << capabilities;
        }
      }
    }
  }
}

TEST(DefaultProfile, HoldsInTheKernel) {
  int failed = ExitCodeUnderFilter(Program(0), [] {
    if (syscall(SYS_socket, 38L, SOCK_SEQPACKET, 0) != -1 || errno != EPERM) return 3;
    if (syscall(SYS_socket, 1L << 32 | 38L, SOCK_SEQPACKET, 0) != -1 || errno != EPERM) return 4;
    if (syscall(SYS_socket, 40L, SOCK_STREAM, 0) != -1 || errno != EPERM) return 5;
    if (syscall(SYS_socket, static_cast<long>(AF_UNIX), SOCK_STREAM, 0) < 0) return 6;
    if (syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return 7;
    if (syscall(SYS_unshare, CLONE_NEWNS) != -1 || errno != EPERM) return 8;
    if (syscall(470L) != -1 || errno != ENOSYS) return 9;
    if (syscall(425L, 1, nullptr) != -1 || errno != EPERM) return 10;  // io_uring_setup
    return 0;
  });
  EXPECT_EQ(failed, 0) << "the number of the check that failed";
}

#if defined(__x86_64__)
TEST(DefaultProfile, HoldsInTheKernelForI386) {
  if (!KernelRunsI386()) GTEST_SKIP() << "this kernel runs no i386 calls (CONFIG_IA32_EMULATION)";
  int failed = ExitCodeUnderFilter(Program(kEverything), [] {
    if (I386Call(359, AF_ALG, SOCK_SEQPACKET, 0) != -EPERM) return 3;
    if (I386Call(359, AF_UNIX, SOCK_STREAM, 0) < 0) return 4;
    if (I386Call(102, 1, 0, 0) != -ENOSYS) return 5;
    return 0;
  });
  EXPECT_EQ(failed, 0) << "the number of the check that failed";
}
#endif

}  // namespace
}  // namespace davit::cri
