// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The RuntimeDefault seccomp profile.
#pragma once

#include <cstdint>

#include "cri/host/seccomp/profile.h"

namespace davit::cri {

// socketcall(SYS_SOCKET) of i386 passes the address family in memory, which a filter cannot read. Every
// process of an x86_64 container can make i386 calls with `int $0x80`.
enum class Socketcall : uint8_t {
  kRefused,  // ENOSYS: the filter cannot be bypassed, but i386 programs that use glibc or Go have no sockets
  kAllowed,  // 32-bit programs have sockets, including AF_ALG and AF_VSOCK unless an LSM refuses them
};

// An allow-list: all other calls fail with EPERM, or with ENOSYS if they are newer than the list. A
// capability in the container's bounding set also allows the calls that need it (mount with CAP_SYS_ADMIN,
// ptrace and related calls with CAP_SYS_PTRACE, …). `capabilities`: bit N is capability number N.
//
// Sockets of the families AF_ALG and AF_VSOCK are refused. `socketcall` sets the treatment of the second way
// in which i386 processes can create a socket.
SeccompProfile DefaultSeccompProfile(uint64_t capabilities, Socketcall socketcall = Socketcall::kRefused);

// The capabilities that change the profile.
uint64_t DefaultProfileCapabilities();

}  // namespace davit::cri
