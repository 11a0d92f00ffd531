// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/architecture.h"

#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <string_view>

namespace davit::cri {
namespace {

#if defined(__x86_64__)
constexpr SeccompArchitecture kArchitectures[] = {
    {AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64", "amd64", /*wide=*/true},
    {AUDIT_ARCH_I386, SCMP_ARCH_X86, "SCMP_ARCH_X86", "x86", /*wide=*/false},
};
#elif defined(__aarch64__)
constexpr SeccompArchitecture kArchitectures[] = {
    {AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64", "arm64", /*wide=*/true},
    {AUDIT_ARCH_ARM, SCMP_ARCH_ARM, "SCMP_ARCH_ARM", "arm", /*wide=*/false},
};
#else
#error "add the AUDIT_ARCH values of this architecture"
#endif

struct NamedNumber {
  std::string_view name;
  uint32_t number;
};

// From 403 on, every architecture above numbers new calls alike (include/uapi/asm-generic/unistd.h).
constexpr NamedNumber kNewer[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},
};

// arch/x86/entry/syscalls/syscall_64.tbl
constexpr NamedNumber kX8664[] = {{"uretprobe", 335}, {"uprobe", 336}};

// arch/x86/entry/syscalls/syscall_32.tbl; since Linux 4.3 (sockets) and 5.1 (IPC) no longer behind a
// multiplexer only.
constexpr NamedNumber kI386[] = {
    {"socket", 359},   {"socketpair", 360}, {"bind", 361},       {"connect", 362},     {"listen", 363},
    {"accept4", 364},  {"getsockopt", 365}, {"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
    {"sendto", 369},   {"sendmsg", 370},    {"recvfrom", 371},   {"recvmsg", 372},     {"shutdown", 373},
    {"recvmmsg", 337}, {"sendmmsg", 345},   {"semget", 393},     {"semctl", 394},      {"shmget", 395},
    {"shmctl", 396},   {"shmat", 397},      {"shmdt", 398},      {"msgget", 399},      {"msgsnd", 400},
    {"msgrcv", 401},   {"msgctl", 402},
};

const NamedNumber* Find(std::span<const NamedNumber> table, std::string_view name) {
  auto found = std::ranges::find(table, name, &NamedNumber::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::span<const SeccompArchitecture> HostArchitectures() {
  return kArchitectures;
}

SyscallNumber FindSyscall(const SeccompArchitecture& architecture, const std::string& name) {
  const NamedNumber* own = architecture.audit == AUDIT_ARCH_I386 ? Find(kI386, name) : nullptr;
  if (own == nullptr) own = Find(kNewer, name);
  if (own != nullptr) return {SyscallName::kHere, own->number};
  if (const NamedNumber* x86_64 = Find(kX8664, name)) {
    if (architecture.audit != AUDIT_ARCH_X86_64) return {SyscallName::kElsewhere, 0};
    return {SyscallName::kHere, x86_64->number};
  }
  int number = seccomp_syscall_resolve_name_arch(architecture.token, name.c_str());
  if (number == __NR_SCMP_ERROR) return {SyscallName::kUnknown, 0};
  if (number < 0) return {SyscallName::kElsewhere, 0};
  return {SyscallName::kHere, static_cast<uint32_t>(number)};
}

}  // namespace davit::cri
