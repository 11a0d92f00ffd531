// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Doing something inside another network namespace.
#pragma once

#include <functional>

#include "base/error.h"

namespace davit {

// Runs `work` on the calling thread while that is in the other namespace, some 15 µs of entering and leaving.
// What it opens there, sockets and files below /proc/sys/net, stays of that namespace. Keep it short.
//
// The caller's own thread and no other, because handing over to one costs milliseconds on a busy machine.
// Coming back needs a little kernel memory and nothing else; should it fail, the process aborts: a thread in
// a pod's network would do the next pod's work there.
Result<> RunInNetns(int netns_fd, const std::function<Result<>()>& work);

}  // namespace davit
