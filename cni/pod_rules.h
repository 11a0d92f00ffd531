// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether rules of others are about pods.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cni/subnet.h"

namespace davit::cni {

// A set (or map) of nftables in which a rule looks up a field of packets.
struct SetLookup {
  enum class Field : uint8_t { kInterface, kIpv4Address, kIpv6Address };

  std::string set;
  Field field = Field::kInterface;

  bool operator<(const SetLookup& other) const {
    return std::tie(set, field) < std::tie(other.set, other.field);
  }
};

// The names by which rules can know the pods of one bridge: its interface, the start of its name, or a
// network that contains one of its subnets. Whoever has written such a rule knows the pods, and what it does
// with them is intended.
class PodNames {
 public:
  PodNames(std::string bridge, std::vector<Subnet> subnets)
      : bridge_(std::move(bridge)), subnets_(std::move(subnets)) {}

  // Whether the rule, an answer to NFT_MSG_GETRULE, compares with one of the names. Adds the sets in which it
  // looks fields up that could have one.
  bool AreIn(const nlmsghdr* rule, std::set<SetLookup>& lookups) const;

  // An element of a set: the key, and whether it is the end of an interval, which does not belong to it.
  using SetElement = std::pair<std::string, bool>;
  // Whether one of the names is among these elements.
  bool AreIn(const std::vector<SetElement>& elements, SetLookup::Field field) const;

 private:
  bool NamesInterface(std::string_view data) const;
  bool NamesSubnet(int family, std::string_view data, std::string_view mask) const;
  bool RangeHasSubnet(SetLookup::Field field, std::string_view first, std::string_view last) const;

  const std::string bridge_;
  const std::vector<Subnet> subnets_;
};

// Whether the rule, an answer to NFT_MSG_GETRULE, drops or rejects every packet that it gets.
bool DropsEverything(const nlmsghdr* rule);

}  // namespace davit::cni
