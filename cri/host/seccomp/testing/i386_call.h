// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: makes i386 system calls from a 64-bit process.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace davit::cri {

// Loads `program` in a child process and returns the result of `probe` there; 100 or 101 if the filter cannot
// be loaded, -1 if the child did not exit normally.
template <typename Probe>
int ExitCodeUnderFilter(const std::vector<sock_filter>& program, Probe probe) {
  pid_t child = fork();
  if (child == 0) {
    sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(100);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) _exit(101);
    _exit(probe());
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

#if defined(__x86_64__)
inline int I386Call(int number, int first, int second, int third) {
  int result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(third)
               : "memory", "r8", "r9", "r10", "r11");
  return result;
}

// False without CONFIG_IA32_EMULATION.
inline bool KernelRunsI386() {
  pid_t probe = fork();
  constexpr int kGetPid = 20;
  if (probe == 0) _exit(I386Call(kGetPid, 0, 0, 0) > 0 ? 0 : 1);
  int status = 0;
  return waitpid(probe, &status, 0) == probe && status == 0;
}
#endif

}  // namespace davit::cri
