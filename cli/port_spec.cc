// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/port_spec.h"

#include <arpa/inet.h>

#include <optional>

#include "base/number.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

constexpr uint32_t kMostPorts = 1000;  // that a container can have

// From one port to another one.
struct PortRange {
  uint32_t first = 0;
  uint32_t last = 0;

  uint32_t size() const { return last - first + 1; }
};

std::optional<uint32_t> ParsePort(std::string_view text) {
  std::optional<uint32_t> port = WholeNumber<uint32_t>(text);
  return port && *port >= 1 && *port <= 65535 ? port : std::nullopt;
}

// "8000" and "8000-8010".
std::optional<PortRange> ParseRange(std::string_view text) {
  size_t dash = text.find('-');
  std::optional<uint32_t> first = ParsePort(text.substr(0, dash));
  std::optional<uint32_t> last = dash == std::string_view::npos ? first : ParsePort(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

std::optional<api::PortMapping::Protocol> ParseProtocol(std::string_view text) {
  if (text == "tcp") return api::PortMapping::TCP;
  if (text == "udp") return api::PortMapping::UDP;
  if (text == "sctp") return api::PortMapping::SCTP;
  return std::nullopt;
}

// Without the brackets of an IPv6 one.
std::optional<std::string> ParseAddress(std::string_view text) {
  unsigned char binary[sizeof(in6_addr)];
  bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  std::string address(bracketed ? text.substr(1, text.size() - 2) : text);
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, address.c_str(), binary) != 1) return std::nullopt;
  return address;
}

std::unexpected<Error> Reject(std::string_view text, std::string_view why) {
  return Fail(Code::kInvalidArgument, "port", text, why);
}

std::unexpected<Error> Malformed(std::string_view text) {
  return Reject(
      text,
      "write [[ADDRESS:][HOST_PORT[-LAST]]:]CONTAINER_PORT[-LAST][/tcp|/udp|/sctp] with ports from 1 to "
      "65535");
}

// Takes the protocol off the end.
Result<api::PortMapping::Protocol> TakeProtocol(std::string_view text, std::string_view& rest) {
  size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return api::PortMapping::TCP;
  std::optional<api::PortMapping::Protocol> protocol = ParseProtocol(rest.substr(slash + 1));
  if (!protocol) return Reject(text, "the protocol is tcp, udp or sctp");
  rest = rest.substr(0, slash);
  return *protocol;
}

// A wish for each port of the container, whose host ports are not said yet.
Result<std::vector<PortWish>> WishesFor(std::string_view text, std::string_view ports, PortWish wish) {
  std::optional<PortRange> inside = ParseRange(ports);
  if (!inside) return Malformed(text);
  if (inside->size() > kMostPorts) return Reject(text, "a container has at most 1000 ports");
  std::vector<PortWish> wishes;
  for (wish.container_port = inside->first; wish.container_port <= inside->last; ++wish.container_port)
    wishes.push_back(wish);
  return wishes;
}

Result<> SetHostPorts(std::string_view text, std::string_view ports, std::vector<PortWish>& wishes) {
  std::optional<PortRange> range = ParseRange(ports);
  if (!range) return Malformed(text);
  if (wishes.size() == 1) {
    wishes[0].first_host_port = range->first;
    wishes[0].last_host_port = range->last;
    return {};
  }
  if (range->size() != wishes.size()) return Reject(text, "the two ranges have different sizes");
  for (uint32_t i = 0; i < wishes.size(); ++i)
    wishes[i].first_host_port = wishes[i].last_host_port = range->first + i;
  return {};
}

}  // namespace

Result<std::vector<PortWish>> ParsePortSpec(std::string_view text) {
  PortWish wish;
  std::string_view rest = text;
  wish.protocol = TRY(TakeProtocol(text, rest));
  size_t colon = rest.rfind(':');
  std::string_view ports = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
  if (colon == std::string_view::npos) return WishesFor(text, ports, wish);
  std::string_view host = rest.substr(0, colon);
  size_t before = host.rfind(':');
  if (before != std::string_view::npos) {
    std::optional<std::string> address = ParseAddress(host.substr(0, before));
    if (!address) return Reject(text, "not an address of the host; an IPv6 one stands in brackets");
    wish.host_ip = *address;
    host = host.substr(before + 1);
  }
  std::vector<PortWish> wishes = TRY(WishesFor(text, ports, wish));
  if (host.empty() && before != std::string_view::npos) return wishes;  // "127.0.0.1::80"
  TRY(SetHostPorts(text, host, wishes));
  return wishes;
}

Result<std::vector<PortWish>> ParseExposedPort(std::string_view text) {
  PortWish wish;
  std::string_view rest = text;
  wish.protocol = TRY(TakeProtocol(text, rest));
  return WishesFor(text, rest, wish);
}

api::PortMapping MappingOf(const PortWish& wish, uint32_t host_port) {
  api::PortMapping mapping;
  mapping.set_host_ip(wish.host_ip);
  mapping.set_host_port(host_port);
  mapping.set_container_port(wish.container_port);
  mapping.set_protocol(wish.protocol);
  return mapping;
}

}  // namespace davit::cli
