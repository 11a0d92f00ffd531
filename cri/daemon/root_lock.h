// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One daemon per root: two would destroy each other's pods.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// How long a predecessor that was killed may take to end. The kernel releases its lock when the last of its
// threads is gone, which is after kill(2) has returned.
constexpr int64_t kRootPatienceMs = 10'000;

// Locks `root`, an existing directory, for as long as the descriptor is open. When another process holds it,
// calls `on_wait` once with that process ("process 1234"), and waits up to `patience_ms`; then
// kFailedPrecondition, naming the process.
Result<UniqueFd> LockRoot(const std::string& root, int64_t patience_ms,
                          const std::function<void(const std::string& holder)>& on_wait);

}  // namespace davit
