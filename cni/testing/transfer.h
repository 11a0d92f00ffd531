// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: how long a transfer between two network namespaces takes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "cni/testing/test_world.h"

namespace davit::cni {

// Sends `bytes` over TCP from `client` to `server`, which listens, and returns the seconds until all of them
// have arrived; negative if some did not.
double SecondsToSend(const NetNs& client, const Endpoint& server, const std::string& address, size_t bytes);

// Whether one of ten transfers takes less than `seconds`: a busy machine delays some, a limit all of them.
bool IsEverFasterThan(double seconds, const std::function<double()>& transfer);

}  // namespace davit::cni
