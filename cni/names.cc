// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/names.h"

#include <charconv>
#include <cstdio>
#include <system_error>

#include "base/ids.h"

namespace davit::cni {
namespace {

constexpr size_t kIdDigits = 7;
constexpr size_t kFormerIdDigits = 9;

// FNV-1a, 64 bits: these names must stay the same across versions, which std::hash does not promise. The last
// characters hardly reach its upper bits, and "davit0" and "davit1" must differ there: so the end mixes (the
// finalizer of MurmurHash3).
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

std::string Hex(uint64_t value, size_t digits) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return std::string(text, digits);
}

std::string DigitsOf(std::string_view sandbox_id, size_t count) {
  return IsId(sandbox_id) ? std::string(sandbox_id.substr(0, count)) : Hex(Hash(sandbox_id), count);
}

}  // namespace

std::string FormatMac(const MacAddress& mac) {
  char text[18];
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
           mac[5]);
  return text;
}

// The first bit that is sent, of the first byte, says "group" (IEEE 802-2014, 8.4).
Result<MacAddress> ParseMac(std::string_view text) {
  MacAddress mac{};
  bool good = text.size() == mac.size() * 3 - 1;
  for (size_t i = 0; good && i < mac.size(); ++i) {
    const char* byte = text.data() + i * 3;
    auto [end, error] = std::from_chars(byte, byte + 2, mac[i], 16);
    good = error == std::errc{} && end == byte + 2 && (i + 1 == mac.size() || byte[2] == ':');
  }
  if (good && mac != MacAddress{} && (mac[0] & 1) == 0) return mac;
  return Fail(Code::kInvalidArgument, "parse MAC address", text, "not of the form 02:00:0a:01:00:05");
}

std::string HostInterfacePrefix(std::string_view bridge) {
  return "veth" + Hex(Hash(bridge), 4);
}

std::string HostInterfaceName(std::string_view bridge, std::string_view sandbox_id) {
  return HostInterfacePrefix(bridge) + DigitsOf(sandbox_id, kIdDigits);
}

std::string FormerHostInterfacePrefix(std::string_view bridge) {
  return "dv" + Hex(Hash(bridge), 4);
}

std::string FormerHostInterfaceName(std::string_view bridge, std::string_view sandbox_id) {
  return FormerHostInterfacePrefix(bridge) + DigitsOf(sandbox_id, kFormerIdDigits);
}

// The second bit of the first byte says "locally administered" (IEEE 802-2014, 8.4).
MacAddress PodMac(const IpAddress& first_address) {
  const uint8_t* low = first_address.bytes.data() + first_address.size() - 4;
  return {0x02,  static_cast<uint8_t>(first_address.family == AF_INET ? 0xd4 : 0xd6), low[0], low[1], low[2],
          low[3]};
}

MacAddress BridgeMac(std::string_view bridge) {
  uint64_t hash = Hash(bridge);
  MacAddress mac{0x02, 0xdb};
  for (size_t i = 2; i < mac.size(); ++i, hash >>= 8) mac[i] = static_cast<uint8_t>(hash);
  return mac;
}

uint32_t RemovalGroup(std::string_view bridge) {
  return static_cast<uint32_t>(Hash(bridge) >> 32) | 0x80000000;
}

}  // namespace davit::cni
