// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What RuntimeDefault means here.
#pragma once

#include <cstdint>

#include "cri/host/seccomp/profile.h"

namespace davit {

// An allow-list: everything else fails with EPERM, or ENOSYS when it is newer than the list. What a
// capability of the container's bounding set pays for is allowed with it (mount with CAP_SYS_ADMIN, ptrace's
// relatives with CAP_SYS_PTRACE, …). `capabilities`: bit N is capability number N.
//
// Unlike the peers' default, i386 processes cannot make sockets through socketcall(2): the address family
// lies behind a pointer there, so allowing it would hand AF_ALG to everyone who can execute `int $0x80`. They
// have socket(2).
SeccompProfile DefaultSeccompProfile(uint64_t capabilities);

// The capabilities that make a difference to the profile.
uint64_t DefaultProfileCapabilities();

}  // namespace davit
