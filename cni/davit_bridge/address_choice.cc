// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/address_choice.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "cni/ipam.h"

namespace davit::cni {
namespace {

std::unique_ptr<AddressPool> MakePool(const AddressRange& range, const std::vector<Lease>& leases,
                                      const std::vector<IpAddress>& last) {
  std::optional<IpAddress> resume_at;
  AddressPool whole(range.subnet, {}, range.limits);
  for (const IpAddress& address : last)
    if (range.subnet.Contains(address)) resume_at = whole.Behind(address, 1);
  auto pool = std::make_unique<AddressPool>(range.subnet, resume_at, range.limits);
  for (const Lease& lease : leases)
    for (const IpAddress& address : lease.addresses)
      (void)pool->Reserve(address);  // those of other ranges are nothing to this one
  return pool;
}

// The address in `requested` that is of this set's family; none if there is none.
Result<std::optional<IpAddress>> RequestedOf(const RangeSet& set, const std::vector<IpAddress>& requested) {
  std::optional<IpAddress> found;
  for (const IpAddress& address : requested) {
    if (address.family != set.front().subnet.base.family) continue;
    if (found && *found != address)
      return Fail(Code::kInvalidArgument, "request address", address.ToString(),
                  "a second one beside " + found->ToString());
    found = address;
  }
  return found;
}

Result<> FailIfUnplaced(const IpamConfig& ipam, const std::vector<IpAddress>& requested) {
  for (const IpAddress& address : requested) {
    bool placed = std::ranges::any_of(
        ipam.sets, [&](const RangeSet& set) { return set.front().subnet.Contains(address); });
    if (!placed)
      return Fail(Code::kInvalidArgument, "request address", address.ToString(),
                  "it is in none of the ranges");
  }
  return {};
}

Result<IpAddress> TakeRequested(const RangeSet& set, const IpAddress& address,
                                const std::vector<Lease>& leases) {
  for (const Lease& lease : leases)
    if (lease.Holds(address))
      return Fail(Code::kAlreadyExists, "request address", address.ToString(),
                  "container " + lease.Key() + " has it");
  Result<> reserved;
  for (const AddressRange& range : set) {
    reserved = AddressPool(range.subnet, {}, range.limits).Reserve(address);
    if (reserved) return address;
  }
  return std::unexpected(std::move(reserved).error());
}

Result<IpAddress> TakeNext(const RangeSet& set, const std::vector<Lease>& leases,
                           const std::vector<IpAddress>& last) {
  Result<IpAddress> address = Fail(Code::kResourceExhausted, "allocate address", "ipam");
  for (const AddressRange& range : set) {
    address = MakePool(range, leases, last)->Allocate();
    if (address) return address;
  }
  address.error().context += " (" + std::to_string(leases.size()) + " containers are attached)";
  return address;
}

}  // namespace

Result<std::vector<ResultAddress>> ChooseAddresses(const IpamConfig& ipam, const std::vector<Lease>& leases,
                                                   const std::vector<IpAddress>& requested,
                                                   const std::vector<IpAddress>& last) {
  TRY(FailIfUnplaced(ipam, requested));
  std::vector<ResultAddress> chosen;
  for (const RangeSet& set : ipam.sets) {
    std::optional<IpAddress> wish = TRY(RequestedOf(set, requested));
    IpAddress address = TRY(wish ? TakeRequested(set, *wish, leases) : TakeNext(set, leases, last));
    chosen.push_back({address, set.front().subnet.prefix, set.front().gateway(), {}});
  }
  return chosen;
}

}  // namespace davit::cni
