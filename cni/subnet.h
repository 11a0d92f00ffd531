// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// IP addresses, and the subnets from which pods get addresses.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cni {

// One address without a port or a zone. Orders by family, then numerically.
struct IpAddress {
  int family = AF_INET;             // or AF_INET6
  std::array<uint8_t, 16> bytes{};  // network byte order; IPv4 uses the first four, the rest is zero

  // Accepts what inet_pton(3) accepts: "10.88.0.7", "fd00::7". No zone, no brackets, no prefix length.
  static Result<IpAddress> Parse(std::string_view text);
  std::string ToString() const;

  size_t size() const { return family == AF_INET ? 4 : 16; }
  std::string_view wire() const { return {reinterpret_cast<const char*>(bytes.data()), size()}; }
  bool IsUnspecified() const { return bytes == std::array<uint8_t, 16>{}; }  // 0.0.0.0 or ::

  auto operator<=>(const IpAddress&) const = default;
};

struct Subnet {
  IpAddress base;  // all host bits zero
  int prefix = 0;

  // The number of host bits: 32 - prefix or 128 - prefix.
  int HostBits() const { return static_cast<int>(base.size()) * 8 - prefix; }
  bool Contains(const IpAddress& address) const;
  bool Overlaps(const Subnet& other) const;

  // base + offset. The offset must be below 2^HostBits().
  IpAddress AddressAt(uint64_t offset) const;
  // The host bits of `address`, which must be in the subnet. UINT64_MAX if they do not fit into 64 bits.
  uint64_t OffsetOf(const IpAddress& address) const;

  std::string ToString() const;  // "10.88.0.0/16"
  auto operator<=>(const Subnet&) const = default;
};

// The subnet of an interface's address.
Subnet SubnetOf(const IpAddress& address, int prefix);

// "10.88.0.0/16" or "fd00:88::/64". Host bits that are set are an error, because either the address or the
// length could be wrong.
Result<Subnet> ParseSubnet(std::string_view text);

}  // namespace davit::cni
