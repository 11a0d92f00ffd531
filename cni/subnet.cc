// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace davit::cni {
namespace {

// The leading `prefix` bits of an address; the rest zero.
IpAddress Masked(IpAddress address, int prefix) {
  for (size_t i = 0; i < address.bytes.size(); ++i) {
    int bits = std::clamp(prefix - static_cast<int>(i) * 8, 0, 8);
    address.bytes[i] &= static_cast<uint8_t>(0xff00 >> bits);
  }
  return address;
}

}  // namespace

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  IpAddress address;
  address.family = text.contains(':') ? AF_INET6 : AF_INET;
  // inet_pton stops at a NUL, and would take what stands before one.
  if (text.contains('\0') || inet_pton(address.family, std::string(text).c_str(), address.bytes.data()) != 1)
    return Fail(Code::kInvalidArgument, "parse IP address", text, "not an IPv4 or IPv6 address");
  return address;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes.data(), text, sizeof text);
  return text;
}

bool Subnet::Contains(const IpAddress& address) const {
  return address.family == base.family && Masked(address, prefix) == base;
}

bool Subnet::Overlaps(const Subnet& other) const {
  return prefix <= other.prefix ? Contains(other.base) : other.Contains(base);
}

IpAddress Subnet::AddressAt(uint64_t offset) const {
  IpAddress address = base;
  for (size_t i = address.size(); i-- > 0 && offset != 0; offset >>= 8)
    address.bytes[i] |= static_cast<uint8_t>(offset);
  return address;
}

uint64_t Subnet::OffsetOf(const IpAddress& address) const {
  uint64_t offset = 0;
  for (size_t i = 0; i < address.size(); ++i) {
    if (offset >> 56 != 0) return UINT64_MAX;
    offset = offset << 8 | static_cast<uint8_t>(address.bytes[i] ^ base.bytes[i]);
  }
  return offset;
}

std::string Subnet::ToString() const {
  return base.ToString() + "/" + std::to_string(prefix);
}

Subnet SubnetOf(const IpAddress& address, int prefix) {
  return {Masked(address, prefix), prefix};
}

Result<Subnet> ParseSubnet(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return Fail(Code::kInvalidArgument, "parse subnet", text, "no prefix length, as in 10.88.0.0/16");
  Subnet subnet;
  subnet.base = TRY(IpAddress::Parse(text.substr(0, slash)));
  std::string_view length = text.substr(slash + 1);
  auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), subnet.prefix);
  if (error != std::errc{} || end != length.data() + length.size() || subnet.prefix < 0 ||
      subnet.HostBits() < 0)
    return Fail(Code::kInvalidArgument, "parse subnet", text, "bad prefix length");
  if (Masked(subnet.base, subnet.prefix) != subnet.base)
    return Fail(Code::kInvalidArgument, "parse subnet", text, "host bits are set");
  return subnet;
}

}  // namespace davit::cni
