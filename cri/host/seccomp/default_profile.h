// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What RuntimeDefault means here.
#pragma once

#include <cstdint>

#include "cri/host/seccomp/profile.h"

namespace davit {

// socketcall(SYS_SOCKET) of i386 passes the address family behind a pointer, where a filter cannot look.
// Every process of an x86_64 container can execute `int $0x80`.
enum class Socketcall : uint8_t {
  kRefused,  // ENOSYS: no family gets past the filter, but glibc and Go have no other way on i386
  kAllowed,  // 32-bit programs have sockets, of AF_ALG and AF_VSOCK too unless a security module refuses them
};

// An allow-list: everything else fails with EPERM, or ENOSYS when it is newer than the list. What a
// capability of the container's bounding set pays for is allowed with it (mount with CAP_SYS_ADMIN, ptrace's
// relatives with CAP_SYS_PTRACE, …). `capabilities`: bit N is capability number N.
//
// Sockets of the families AF_ALG and AF_VSOCK are refused. `socketcall` decides about i386 processes, which
// can make a socket in two ways.
SeccompProfile DefaultSeccompProfile(uint64_t capabilities, Socketcall socketcall = Socketcall::kRefused);

// The capabilities that make a difference to the profile.
uint64_t DefaultProfileCapabilities();

}  // namespace davit
