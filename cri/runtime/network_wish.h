// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the maker of a sandbox wants its network to be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit::cri {

// Whether a sandbox with a network namespace of its own gets interfaces besides the loopback interface.
enum class NetworkUse : uint8_t { kAttached, kLoopbackOnly };

// The network of a new sandbox.
struct NetworkWish {
  NetworkWish(NetworkUse chosen = NetworkUse::kAttached) : use(chosen) {}  // NOLINT: one is a wish

  NetworkUse use;
  std::string user_network = {};            // its id; empty: the node's network
  std::vector<std::string> addresses = {};  // in the user network, at most one of each family
};

}  // namespace davit::cri
