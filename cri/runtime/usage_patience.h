// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How long a request for statistics waits for the first disk usage scans of writable layers.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace davit::cri {

// Enough for the first scan of a typical writable layer. The result of a longer scan is available to the next
// request.
inline int64_t UsageDeadline() {
  return MonotonicMilliseconds() + 200;
}

}  // namespace davit::cri
