// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/values.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>

namespace davit::cri {
namespace {

constexpr std::string_view kUnixScheme = "unix://";

std::string Quoted(const std::string& value) {
  return '"' + value + '"';
}

// True when everything below the first `prefix` bits is zero.
bool HostBitsAreZero(std::span<const uint8_t> address, size_t prefix) {
  for (size_t bit = prefix; bit < address.size() * 8; ++bit) {
    if (address[bit / 8] & (0x80 >> (bit % 8))) return false;
  }
  return true;
}

struct Subnet {
  int family = AF_UNSPEC;
  size_t host_bits = 0;
  Complaint complaint;
};

Subnet ParseSubnet(const std::string& text) {
  auto bad = [&text](std::string_view why) {
    return Subnet{AF_UNSPEC, 0, Quoted(text) + ' ' + std::string(why)};
  };
  size_t slash = text.find('/');
  if (slash == std::string::npos) return bad("is not of the form ADDRESS/BITS");

  std::array<uint8_t, 16> address{};
  std::string host = text.substr(0, slash);
  int family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, host.c_str(), address.data()) != 1) return bad("has a malformed address");

  size_t bits = family == AF_INET ? 32 : 128;
  size_t prefix = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data() + slash + 1, end, prefix);
  if (error != std::errc() || rest != end || prefix < 1 || prefix > bits)
    return bad("has a malformed prefix length");

  if (!HostBitsAreZero(std::span(address).first(bits / 8), prefix))
    return bad("has bits set beyond its prefix");
  return Subnet{family, bits - prefix, std::nullopt};
}

}  // namespace

Complaint CheckAbsolutePath(const std::string& path, bool root_allowed) {
  if (!path.starts_with('/')) return Quoted(path) + " is not an absolute path";
  if (path == "/") return root_allowed ? std::nullopt : Complaint("must not be \"/\"");
  if (path.find('\0') != std::string::npos) return "contains a NUL";
  for (size_t start = 1; start <= path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string_view part(path.data() + start, end - start);
    if (part.empty()) return Quoted(path) + " has an empty component";
    if (part == "." || part == "..") return Quoted(path) + " contains \".\" or \"..\"";
    start = end + 1;
  }
  return std::nullopt;
}

Complaint CheckListenAddress(const std::string& address) {
  if (!address.starts_with(kUnixScheme)) return Quoted(address) + " does not start with unix://";
  std::string path = address.substr(kUnixScheme.size());
  if (Complaint complaint = CheckAbsolutePath(path)) return complaint;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Quoted(path) + " is longer than a socket's path can be (107 bytes)";
  }
  return std::nullopt;
}

Complaint CheckLinkName(const std::string& name) {
  auto refused = [](unsigned char c) { return c <= ' ' || c == '/' || c == ':' || c == 0x7f; };
  if (name.empty() || name.size() >= IFNAMSIZ) return Quoted(name) + " is not 1 to 15 bytes long";
  if (name == "." || name == ".." || std::ranges::any_of(name, refused)) {
    return Quoted(name) + " is not a valid name for a network link";
  }
  return std::nullopt;
}

Complaint CheckSubnets(const std::vector<std::string>& subnets) {
  if (subnets.empty()) return "names no subnet";
  bool seen_v4 = false;
  bool seen_v6 = false;
  for (const std::string& text : subnets) {
    Subnet subnet = ParseSubnet(text);
    if (subnet.complaint) return subnet.complaint;
    if (subnet.host_bits < 2) return Quoted(text) + " has no room for a gateway and a pod";
    bool& seen = subnet.family == AF_INET ? seen_v4 : seen_v6;
    if (seen) return Quoted(text) + " is the second subnet of its address family";
    seen = true;
  }
  return std::nullopt;
}

Complaint CheckNetworks(const std::vector<std::string>& networks) {
  for (const std::string& text : networks)
    if (Complaint complaint = ParseSubnet(text).complaint) return complaint;
  return std::nullopt;
}

Complaint CheckNumericAddress(const std::string& address) {
  Complaint complaint = '"' + address + "\" is not of the form 127.0.0.1:0 or [::1]:0";
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return complaint;
  std::string host = address.substr(0, colon);
  bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  in6_addr parsed;
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, host.c_str(), &parsed) != 1) return complaint;
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  auto [stop, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && stop == end ? std::nullopt : complaint;
}

Complaint CheckHandlerName(const std::string& name) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool label = !name.empty() && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
               std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-'; });
  if (label) return std::nullopt;
  return Quoted(name) + " is not a handler's name: at most 63 lower-case letters, digits and hyphens";
}

Complaint CheckUnitPrefix(const std::string& prefix) {
  constexpr size_t kMost = 100;  // with an id and ".scope" it fits into the 255 bytes of a name
  constexpr std::string_view kCharacters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
  if (prefix.empty() || prefix.starts_with('-') || prefix.starts_with('_'))
    return Quoted(prefix) + " cannot begin the name of a unit";
  if (prefix.size() > kMost) return Quoted(prefix) + " is longer than 100 bytes";
  if (prefix.find_first_not_of(kCharacters) != std::string::npos)
    return Quoted(prefix) + " has a character other than letters, digits, \"_\" and \"-\"";
  return std::nullopt;
}

std::optional<int64_t> ParseDuration(const std::string& text) {
  constexpr int64_t kLongest = 1'000'000;
  int64_t count = 0;
  const char* end = text.data() + text.size();
  auto [unit, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || count <= 0 || count > kLongest || end - unit != 1) return std::nullopt;
  switch (*unit) {
    case 's':
      return count * 1000;
    case 'm':
      return count * 60 * 1000;
    case 'h':
      return count * 3600 * 1000;
    default:
      return std::nullopt;
  }
}

}  // namespace davit::cri
