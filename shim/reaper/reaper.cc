// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// PID 1 of a pod's shared PID namespace: a whole program without a C library.
//
// It does nothing but exist. With SIGCHLD ignored the kernel reaps what is reparented to it (wait(2), NOTES),
// so not even a zombie wakes it up; signals from inside its namespace do not reach it, as it handles none
// (pid_namespaces(7)). Containers of the pod may look at it through /proc/1 with any privilege: there is
// nothing to see.
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
long Call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
long Call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "no system calls for this architecture"
#endif

constexpr long kSigchld = 17;
constexpr long kSigKill = 9;
constexpr size_t kSignalSetBytes = 8;

struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

// What is left to it: waiting for a signal that never comes.
sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ppoll, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_restart_syscall, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

}  // namespace

extern "C" [[noreturn]] void _start() {
  Call(__NR_prctl, PR_SET_DUMPABLE, 0);
  Call(__NR_prctl, PR_SET_PDEATHSIG, kSigKill);
  Call(__NR_prctl, PR_SET_NAME, reinterpret_cast<long>("davit-reaper"));  // else it shows as "memfd:..."
  KernelSigaction ignore{reinterpret_cast<void (*)(int)>(1), 0, nullptr, 0};
  Call(__NR_rt_sigaction, kSigchld, reinterpret_cast<long>(&ignore), 0, kSignalSetBytes);
  sock_fprog program{sizeof filter / sizeof filter[0], filter};
  Call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, reinterpret_cast<long>(&program));
  while (true) Call(__NR_ppoll, 0, 0, 0, 0);
}
