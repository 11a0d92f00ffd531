// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Memory of the shim's stack that no function uses any more.
#pragma once

namespace davit::shim {

// Returns the pages below the caller's frame to the kernel (madvise(2), MADV_DONTNEED). The start of a
// container or a command uses about five pages; afterwards the shim is idle, often for days. Call it on the
// stack of the main thread.
void ReleaseUnusedStack();

}  // namespace davit::shim
