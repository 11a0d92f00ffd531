// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The architectures whose system calls a process on this host can make, and their system call numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace davit::cri {

struct SeccompArchitecture {
  uint32_t audit;       // AUDIT_ARCH_*, what the kernel puts into seccomp_data.arch
  uint32_t token;       // SCMP_ARCH_*, for libseccomp
  const char* oci;      // "SCMP_ARCH_X86_64", as profiles spell it
  const char* profile;  // "amd64", as the includes and excludes of profiles spell it
  bool wide;            // arguments have 64 bits
};

// The native one first, then the 32-bit one that a 64-bit kernel also runs. x32 is not included: it shares
// the native AUDIT_ARCH and differs by bit 30 of the number. Its calls fail with ENOSYS, also if a profile
// lists them, as they do on a kernel without x32 (the default of Debian and Fedora).
std::span<const SeccompArchitecture> HostArchitectures();

enum class SyscallName : uint8_t {
  kHere,       // the architecture has it
  kElsewhere,  // only other architectures have it
  kUnknown,    // newer than this build, or misspelled
};

struct SyscallNumber {
  SyscallName known = SyscallName::kUnknown;
  uint32_t number = 0;
};

// Looks the name up in libseccomp's tables, or in our own for calls that are newer than Debian 12's
// libseccomp and for the direct socket and System V IPC calls of i386, for which libseccomp returns pseudo
// numbers.
SyscallNumber FindSyscall(const SeccompArchitecture& architecture, const std::string& name);

}  // namespace davit::cri
