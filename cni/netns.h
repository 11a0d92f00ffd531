// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Doing something inside another network namespace.
#pragma once

#include <functional>

#include "base/error.h"

namespace davit {

// Runs `work` in a thread that enters the namespace, and waits for it (some 40 µs). What the thread opens
// there, sockets and files below /proc/sys/net, stays of that namespace. The thread is made for it and ends:
// one that came back would need a way out when coming back fails, and a resident one would serialize the
// callers.
Result<> RunInNetns(int netns_fd, const std::function<Result<>()>& work);

}  // namespace davit
