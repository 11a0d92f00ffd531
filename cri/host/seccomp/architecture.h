// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The architectures whose system calls a process of this host can make, and their numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace davit {

struct SeccompArchitecture {
  uint32_t audit;       // AUDIT_ARCH_*, what the kernel puts into seccomp_data.arch
  uint32_t token;       // SCMP_ARCH_*, libseccomp's name for it
  const char* oci;      // "SCMP_ARCH_X86_64", as profiles spell it
  const char* profile;  // "amd64", as the includes and excludes of profiles spell it
  bool wide;            // arguments have 64 bits
};

// The native one first, then the 32-bit one that a 64-bit kernel runs besides it. x32 is none of them: it
// shares the native AUDIT_ARCH and differs by bit 30 of the number: its calls end with ENOSYS, as they do on
// a kernel without x32 (the default of Debian and Fedora), also when a profile lists it.
std::span<const SeccompArchitecture> HostArchitectures();

enum class SyscallName : uint8_t {
  kHere,       // the architecture has it
  kElsewhere,  // only other architectures have it
  kUnknown,    // newer than this build, or misspelt
};

struct SyscallNumber {
  SyscallName known = SyscallName::kUnknown;
  uint32_t number = 0;
};

// By libseccomp's tables, and by our own where those are behind or mean something else: calls newer than
// Debian 12's libseccomp, and the direct socket and System V IPC calls of i386, for which libseccomp answers
// with numbers of its own.
SyscallNumber FindSyscall(const SeccompArchitecture& architecture, const std::string& name);

}  // namespace davit
