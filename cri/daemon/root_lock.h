// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ensures one daemon per root directory: two would destroy each other's pods.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

// How long to wait for a killed predecessor to end. The kernel releases its lock when its last thread has
// exited, which can be after kill(2) returned.
constexpr int64_t kRootPatienceMs = 10'000;

// Locks the file `root`/lock (flock(2)) in an existing directory, until the descriptor is closed. If another
// process holds the lock, calls `on_wait` once with its name ("process 1234") and waits up to `patience_ms`;
// then returns kFailedPrecondition, which names the process.
Result<UniqueFd> LockRoot(const std::string& root, int64_t patience_ms,
                          const std::function<void(const std::string& holder)>& on_wait);

}  // namespace davit::cri
