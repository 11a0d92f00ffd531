// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs code inside another network namespace.
#pragma once

#include <functional>

#include "base/error.h"

namespace davit::cni {

// Runs `work` on the calling thread while that thread is in the other namespace; entering and leaving take
// about 15 µs. Sockets, and files below /proc/sys/net, that `work` opens keep belonging to that namespace.
// Keep `work` short.
//
// It uses the calling thread because a handover to another one costs milliseconds on a busy machine.
// Returning needs only a little kernel memory; if it fails, the process aborts, because the thread would do
// the next pod's work in this pod's network.
Result<> RunInNetns(int netns_fd, const std::function<Result<>()>& work);

}  // namespace davit::cni
