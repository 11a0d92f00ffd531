// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Tracks which addresses of a subnet are in use, in memory only: the daemon's records are durable, and after
// a start the daemon reserves the recorded addresses and says where the search is to go on.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/subnet.h"

namespace davit::cni {

// Which addresses of a subnet pods get; unset: the default.
struct PoolLimits {
  std::optional<IpAddress> first = {};    // the second host address
  std::optional<IpAddress> last = {};     // the last one before the broadcast address
  std::optional<IpAddress> gateway = {};  // the first host address
};

// Thread-safe. Memory use depends on the number of addresses in use, not on the size of the subnet. Only the
// first 2^32 addresses of a larger subnet are allocated.
//
// An address is reused as late as possible: the search starts after the last allocated address and wraps
// around. A peer that still sends to a dead pod reaches no other pod for as long as the subnet allows.
class AddressPool {
 public:
  // The search starts at `resume_at` if that is an address for pods, else at the first one.
  //
  // The subnet needs at least one address besides network, gateway and broadcast: prefix <= 30 for IPv4, <=
  // 126 for IPv6.
  // The limits, if any, must be host addresses of the subnet.
  explicit AddressPool(const Subnet& subnet, std::optional<IpAddress> resume_at = {},
                       const PoolLimits& limits = {});

  const Subnet& subnet() const { return subnet_; }
  // It belongs to the bridge and is never allocated.
  IpAddress gateway() const { return subnet_.AddressAt(gateway_); }
  // The address for pods `count` places behind `address`; the first follows the last.
  IpAddress Behind(const IpAddress& address, uint64_t count) const;

  // kResourceExhausted if every address is in use.
  Result<IpAddress> Allocate() EXCLUDES(mutex_);

  // Allocates the given address: kAlreadyExists if it is in use, kInvalidArgument if it is not a pod address
  // of the subnet. Without `resume_at`, the search continues after the highest reserved address.
  Result<> Reserve(const IpAddress& address) EXCLUDES(mutex_);

  // No-op for an address that is not in use.
  void Release(const IpAddress& address) EXCLUDES(mutex_);

 private:
  bool IsForPods(const IpAddress& address) const;

  const Subnet subnet_;
  const uint64_t gateway_;  // as an offset
  const uint64_t first_;    // first and last offset for pods
  const uint64_t last_;
  const bool resumed_;

  Mutex mutex_;
  uint64_t next_ GUARDED_BY(mutex_);
  std::unordered_set<uint64_t> used_ GUARDED_BY(mutex_);  // with the gateway's, if it is between the others
};

}  // namespace davit::cni
