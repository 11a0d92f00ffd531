// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/ipam.h"

#include <algorithm>

namespace davit::cni {
namespace {

constexpr int kMaxHostBits = 32;

// The all-ones address is the broadcast address in IPv4 (RFC 919). IPv6 has none, but the highest addresses
// of a subnet are reserved anycast (RFC 2526): leaving out the last one costs nothing and keeps one rule for
// both.
uint64_t LastOffset(const Subnet& subnet) {
  if (subnet.HostBits() < 2) return 0;  // nothing to hand out
  return (uint64_t{1} << std::min(subnet.HostBits(), kMaxHostBits)) - 2;
}

}  // namespace

AddressPool::AddressPool(const Subnet& subnet)
    : subnet_(subnet), first_(2), last_(LastOffset(subnet)), next_(first_) {}

Result<IpAddress> AddressPool::Allocate() {
  MutexLock lock(mutex_);
  if (last_ < first_ || used_.size() > last_ - first_)
    return Fail(Code::kResourceExhausted, "allocate address", subnet_.ToString(), "every address is in use");
  while (used_.contains(next_)) next_ = next_ < last_ ? next_ + 1 : first_;
  uint64_t offset = next_;
  used_.insert(offset);
  next_ = next_ < last_ ? next_ + 1 : first_;
  return subnet_.AddressAt(offset);
}

Result<> AddressPool::Reserve(const IpAddress& address) {
  uint64_t offset = subnet_.Contains(address) ? subnet_.OffsetOf(address) : 0;
  if (offset < first_ || offset > last_)
    return Fail(Code::kInvalidArgument, "reserve address", address.ToString(),
                "not an address for pods of " + subnet_.ToString());
  MutexLock lock(mutex_);
  if (!used_.insert(offset).second)
    return Fail(Code::kAlreadyExists, "reserve address", address.ToString(), "in use");
  if (offset >= next_) next_ = offset < last_ ? offset + 1 : first_;
  return {};
}

void AddressPool::Release(const IpAddress& address) {
  if (!subnet_.Contains(address)) return;
  MutexLock lock(mutex_);
  used_.erase(subnet_.OffsetOf(address));
}

}  // namespace davit::cni
