// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/ipam.h"

namespace davit::cni {
namespace {

constexpr uint64_t kMostAddresses = uint64_t{1} << 32;

// The all-ones address is the broadcast address in IPv4 (RFC 919). IPv6 has none, but the highest addresses
// of a subnet are reserved anycast (RFC 2526): leaving out the last one costs nothing and keeps one rule for
// both.
uint64_t LastOffset(const Subnet& subnet, uint64_t first) {
  if (subnet.HostBits() < 2) return 0;  // nothing to hand out
  uint64_t end = subnet.HostBits() < 64 ? (uint64_t{1} << subnet.HostBits()) - 2 : UINT64_MAX - 1;
  return end - first < kMostAddresses ? end : first + kMostAddresses - 4;
}

}  // namespace

AddressPool::AddressPool(const Subnet& subnet, std::optional<IpAddress> resume_at, const PoolLimits& limits)
    : subnet_(subnet),
      gateway_(limits.gateway ? subnet.OffsetOf(*limits.gateway) : 1),
      first_(limits.first ? subnet.OffsetOf(*limits.first) : 2),
      last_(limits.last ? subnet.OffsetOf(*limits.last) : LastOffset(subnet, first_)),
      resumed_(resume_at && IsForPods(*resume_at)),
      next_(resumed_ ? subnet.OffsetOf(*resume_at) : first_) {
  if (gateway_ >= first_ && gateway_ <= last_) used_.insert(gateway_);
}

bool AddressPool::IsForPods(const IpAddress& address) const {
  uint64_t offset = subnet_.Contains(address) ? subnet_.OffsetOf(address) : 0;
  return offset >= first_ && offset <= last_ && offset != gateway_;
}

IpAddress AddressPool::Behind(const IpAddress& address, uint64_t count) const {
  uint64_t places = last_ - first_ + 1;
  return subnet_.AddressAt(first_ + (subnet_.OffsetOf(address) - first_ + count) % places);
}

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
  if (!IsForPods(address))
    return Fail(Code::kInvalidArgument, "reserve address", address.ToString(),
                "not an address for pods of " + subnet_.ToString());
  uint64_t offset = subnet_.OffsetOf(address);
  MutexLock lock(mutex_);
  if (!used_.insert(offset).second)
    return Fail(Code::kAlreadyExists, "reserve address", address.ToString(), "in use");
  if (!resumed_ && offset >= next_) next_ = offset < last_ ? offset + 1 : first_;
  return {};
}

void AddressPool::Release(const IpAddress& address) {
  if (!IsForPods(address)) return;
  MutexLock lock(mutex_);
  used_.erase(subnet_.OffsetOf(address));
}

}  // namespace davit::cni
