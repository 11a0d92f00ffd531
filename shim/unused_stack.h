// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Memory of the shim's stack that no function uses any more.
#pragma once

namespace davit::shim {

// Gives back the pages below the caller's frame (madvise(2), MADV_DONTNEED): a start needs five of them, and
// a shim then waits for days. Call it on the main thread's stack.
void ReleaseUnusedStack();

}  // namespace davit::shim
