// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ports: "[ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]", where PUBLISHED and TARGET may be ranges.
#include <arpa/inet.h>

#include <cstdint>
#include <optional>

#include "base/number.h"
#include "cli/compose/model/short_forms.h"

namespace davit::cli::compose {
namespace {

constexpr uint32_t kMostOfRange = 1'000;

std::vector<Value> Bad(const Value& value, const Surroundings& around, const std::string& why) {
  around.problems->Add(value.place,
                       value.text + ": " + why + "; write [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/udp]");
  return {};
}

struct Range {
  uint32_t first = 0;
  uint32_t last = 0;

  uint32_t size() const { return last - first + 1; }
};

std::optional<Range> ParseRange(std::string_view text) {
  size_t dash = text.find('-');
  std::optional<uint32_t> first = WholeNumber<uint32_t>(text.substr(0, dash));
  std::optional<uint32_t> last =
      dash == std::string_view::npos ? first : WholeNumber<uint32_t>(text.substr(dash + 1));
  if (!first || !last || *first < 1 || *last < *first || *last > 65535) return std::nullopt;
  return Range{*first, *last};
}

bool IsAddress(std::string_view text) {
  bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  std::string address(bracketed ? text.substr(1, text.size() - 2) : text);
  unsigned char binary[sizeof(in6_addr)];
  return inet_pton(AF_INET, address.c_str(), binary) == 1 ||
         inet_pton(AF_INET6, address.c_str(), binary) == 1;
}

Value Port(const Place& at, std::string_view address, const std::string& published, uint32_t target,
           std::string_view protocol) {
  Value port = MapValue(at);
  port.Set("mode", TextValue("ingress", at));
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  if (!address.empty()) port.Set("host_ip", TextValue(std::string(address), at));
  port.Set("target", IntegerValue(target, at));
  if (!published.empty()) port.Set("published", TextValue(published, at));
  port.Set("protocol", TextValue(std::string(protocol), at));
  return port;
}

// What is missing of a long form.
Value Completed(const Value& value) {
  Value port = value;
  if (port.Find("mode") == nullptr) port.Set("mode", TextValue("ingress", value.place));
  if (port.Find("protocol") == nullptr) port.Set("protocol", TextValue("tcp", value.place));
  return port;
}

}  // namespace

std::vector<Value> ExpandPort(const Value& value, const Surroundings& around) {
  if (value.kind == Kind::kMap) return {Completed(value)};
  if (value.kind != Kind::kText && value.kind != Kind::kInteger) return Bad(value, around, "is no port");
  std::string_view text = value.text;
  size_t slash = text.find('/');
  std::string_view protocol = slash == std::string_view::npos ? "tcp" : text.substr(slash + 1);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return Bad(value, around, "the protocol is tcp, udp or sctp");
  text = text.substr(0, slash);

  size_t colon = text.rfind(':');
  std::string_view left = colon == std::string_view::npos ? "" : text.substr(0, colon);
  std::optional<Range> target = ParseRange(colon == std::string_view::npos ? text : text.substr(colon + 1));
  size_t before = left.rfind(':');
  std::string_view address = before == std::string_view::npos ? "" : left.substr(0, before);
  std::string_view wanted = before == std::string_view::npos ? left : left.substr(before + 1);
  std::optional<Range> published = ParseRange(wanted);
  if (!address.empty() && !IsAddress(address)) return Bad(value, around, "is no address of the host");
  if (!target || (!wanted.empty() && !published)) return Bad(value, around, "ports are 1 to 65535");
  if (target->size() > kMostOfRange)
    return Bad(value, around, "a range has at most " + std::to_string(kMostOfRange) + " ports");
  if (target->size() == 1) return {Port(value.place, address, std::string(wanted), target->first, protocol)};
  if (published && published->size() != target->size())
    return Bad(value, around, "both ranges have the same number of ports");
  std::vector<Value> ports;
  for (uint32_t i = 0; i < target->size(); ++i)
    ports.push_back(Port(value.place, address, published ? std::to_string(published->first + i) : "",
                         target->first + i, protocol));
  return ports;
}

}  // namespace davit::cli::compose
