// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// System calls without the C library: for a process that shares the shim's memory (CLONE_VM), including
// errno.
#pragma once

namespace davit::shim {

#if defined(__x86_64__)
// Returns what the kernel returns: a negative errno on failure.
inline long RawSyscall(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long RawSyscall(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
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

}  // namespace davit::shim
