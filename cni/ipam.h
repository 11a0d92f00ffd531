// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which addresses of a subnet are in use. Leases are durable in the daemon's records, not here: after a start
// the daemon reserves what its records say.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/subnet.h"

namespace davit {

// Thread-safe. Memory follows the number of addresses in use, whatever the size of the subnet: of a huge one
// only the first 2^32 addresses are handed out.
//
// An address is reused as late as possible: the search goes on behind the address handed out last and wraps.
// A peer that still sends to a dead pod reaches nobody for as long as the subnet allows.
class AddressPool {
 public:
  // Needs at least one address besides network, gateway and broadcast: prefix <= 30 or <= 126.
  explicit AddressPool(const Subnet& subnet);

  const Subnet& subnet() const { return subnet_; }
  // The first host address. It belongs to the bridge and is never handed out.
  IpAddress gateway() const { return subnet_.AddressAt(1); }

  // kResourceExhausted when every address is in use.
  Result<IpAddress> Allocate() EXCLUDES(mutex_);

  // Takes one given address: kAlreadyExists when it is in use, kInvalidArgument when it is not a pod address
  // of the subnet. The search goes on behind the highest address reserved, so that a restart does not bring
  // an early reuse.
  Result<> Reserve(const IpAddress& address) EXCLUDES(mutex_);

  // Nothing happens for an address that is not in use.
  void Release(const IpAddress& address) EXCLUDES(mutex_);

 private:
  const Subnet subnet_;
  const uint64_t first_;  // offsets that pods may have, both ends included
  const uint64_t last_;

  Mutex mutex_;
  uint64_t next_ GUARDED_BY(mutex_);
  std::unordered_set<uint64_t> used_ GUARDED_BY(mutex_);
};

}  // namespace davit
