// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Tracks which addresses of a subnet are in use, in memory only: the daemon's records are durable, and after
// a start the daemon reserves the recorded addresses.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/subnet.h"

namespace davit::cni {

// Thread-safe. Memory use depends on the number of addresses in use, not on the size of the subnet. Only the
// first 2^32 addresses of a larger subnet are allocated.
//
// An address is reused as late as possible: the search starts after the last allocated address and wraps
// around. A peer that still sends to a dead pod reaches no other pod for as long as the subnet allows.
class AddressPool {
 public:
  // The subnet needs at least one address besides network, gateway and broadcast: prefix <= 30 for IPv4, <=
  // 126 for IPv6.
  explicit AddressPool(const Subnet& subnet);

  const Subnet& subnet() const { return subnet_; }
  // The first host address. It belongs to the bridge and is never allocated.
  IpAddress gateway() const { return subnet_.AddressAt(1); }

  // kResourceExhausted if every address is in use.
  Result<IpAddress> Allocate() EXCLUDES(mutex_);

  // Allocates the given address: kAlreadyExists if it is in use, kInvalidArgument if it is not a pod address
  // of the subnet. If the address is at or after the search position, the search continues after it, so that
  // a restart does not cause early reuse.
  Result<> Reserve(const IpAddress& address) EXCLUDES(mutex_);

  // No-op for an address that is not in use.
  void Release(const IpAddress& address) EXCLUDES(mutex_);

 private:
  const Subnet subnet_;
  const uint64_t first_;  // first and last offset for pods
  const uint64_t last_;

  Mutex mutex_;
  uint64_t next_ GUARDED_BY(mutex_);
  std::unordered_set<uint64_t> used_ GUARDED_BY(mutex_);
};

}  // namespace davit::cni
