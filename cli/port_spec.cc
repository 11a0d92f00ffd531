// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/port_spec.h"

#include <arpa/inet.h>

#include <optional>
#include <string>

#include "base/number.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

std::optional<uint32_t> ParsePort(std::string_view text) {
  std::optional<uint32_t> port = WholeNumber<uint32_t>(text);
  return port && *port >= 1 && *port <= 65535 ? port : std::nullopt;
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

}  // namespace

Result<api::PortMapping> ParsePortSpec(std::string_view text) {
  api::PortMapping mapping;
  mapping.set_protocol(api::PortMapping::TCP);
  std::string_view rest = text;
  if (size_t slash = rest.find('/'); slash != std::string_view::npos) {
    std::optional<api::PortMapping::Protocol> protocol = ParseProtocol(rest.substr(slash + 1));
    if (!protocol) return Reject(text, "the protocol is tcp, udp or sctp");
    mapping.set_protocol(*protocol);
    rest = rest.substr(0, slash);
  }
  size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos)
    return Reject(text,
                  "write [ADDRESS:]HOST_PORT:CONTAINER_PORT[/udp]; ports that the daemon chooses are not "
                  "supported yet");
  std::optional<uint32_t> container_port = ParsePort(rest.substr(colon + 1));
  rest = rest.substr(0, colon);
  if (size_t before = rest.rfind(':'); before != std::string_view::npos) {
    std::optional<std::string> address = ParseAddress(rest.substr(0, before));
    if (!address) return Reject(text, "not an address of the host; an IPv6 one stands in brackets");
    mapping.set_host_ip(*address);
    rest = rest.substr(before + 1);
  }
  std::optional<uint32_t> host_port = ParsePort(rest);
  if (!host_port || !container_port)
    return Reject(text,
                  "write [ADDRESS:]HOST_PORT:CONTAINER_PORT[/udp] with ports from 1 to 65535; ranges are not "
                  "supported yet");
  mapping.set_host_port(*host_port);
  mapping.set_container_port(*container_port);
  return mapping;
}

}  // namespace davit::cli
