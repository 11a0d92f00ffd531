// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How long one request for statistics waits for walks over writable layers that nobody asked about before.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace davit {

// Enough for the first walk over what a container usually has written. A larger one answers the next request.
inline int64_t UsageDeadline() {
  return MonotonicMilliseconds() + 200;
}

}  // namespace davit
