// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much of something the clients of one server have at a time.
#pragma once

#include <cstddef>
#include <map>

#include "cni/subnet.h"

namespace davit::dns {

// Memory depends on what is taken now, not on who has ever asked.
class ClientLimits {
 public:
  ClientLimits(size_t most_each, size_t most_in_all) : most_each_(most_each), most_in_all_(most_in_all) {}

  // False if the client, or all of them together, have too much already.
  bool Take(const cni::IpAddress& client) {
    if (in_all_ >= most_in_all_) return false;
    size_t& taken = taken_[client];
    if (taken >= most_each_) return false;
    ++taken;
    ++in_all_;
    return true;
  }

  // Once for each Take that has succeeded.
  void Give(const cni::IpAddress& client) {
    auto taken = taken_.find(client);
    --in_all_;
    if (--taken->second == 0) taken_.erase(taken);
  }

  size_t in_all() const { return in_all_; }

 private:
  const size_t most_each_;
  const size_t most_in_all_;
  size_t in_all_ = 0;
  std::map<cni::IpAddress, size_t> taken_;
};

}  // namespace davit::dns
