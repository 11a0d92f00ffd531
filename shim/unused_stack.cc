// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/unused_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace davit::shim {

void ReleaseUnusedStack() {
  constexpr uintptr_t kReach = 256 << 10;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  // The page of this frame and the one below it stay: the call itself uses them.
  uintptr_t end = (reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~(page - 1)) - page;
  // ENOMEM where the stack is shorter; what is mapped has been given back then, too.
  (void)madvise(reinterpret_cast<void*>(end - kReach), kReach, MADV_DONTNEED);
}

}  // namespace davit::shim
