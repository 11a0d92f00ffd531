// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/port_choice.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "base/file_io.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "cli/container_text.h"
#include "cli/containers.h"

namespace davit::cli {
namespace {

using Protocol = api::PortMapping::Protocol;

// Host ports by protocol and number, at whatever address.
using BusyPorts = std::set<std::pair<std::string, uint32_t>>;

// Those of local containers, and those that pods have now.
Result<BusyPorts> FindBusyPorts(const Daemon& daemon) {
  BusyPorts busy;
  for (const api::Container& container : TRY(ListContainers(daemon, /*all=*/true)))
    for (const api::PortMapping& port : container.spec().ports())
      busy.emplace(ProtocolText(port.protocol()), port.host_port());
  const auto network = TRY(daemon.Call(&NetworkStub::Status, api::NetworkStatusRequest()));
  for (const api::PublishedPort& port : network.ports()) busy.emplace(port.protocol(), port.port());
  return busy;
}

// Whether a socket can be bound to the address. True if the host has no such protocol or family.
bool CanBind(Protocol protocol, const std::string& address, uint32_t port) {
  bool ipv6 = address.contains(':');
  int type = protocol == api::PortMapping::UDP ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd fd(socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC,
                     protocol == api::PortMapping::SCTP ? IPPROTO_SCTP : 0));
  if (!fd) return true;
  int on = 1;
  // Connections that have just ended are in nobody's way.
  if (type == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (ipv6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr);
  } else {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, address.c_str(), &v4.sin_addr);
  }
  const void* end = ipv6 ? static_cast<const void*>(&v6) : &v4;
  int bound = bind(fd.get(), static_cast<const sockaddr*>(end), ipv6 ? sizeof v6 : sizeof v4);
  return bound == 0 || errno != EADDRINUSE;
}

bool CanBind(const PortWish& wish, uint32_t port) {
  if (!wish.host_ip.empty()) return CanBind(wish.protocol, wish.host_ip, port);
  return CanBind(wish.protocol, "0.0.0.0", port) && CanBind(wish.protocol, "::", port);
}

// From which the kernel itself takes ports (ip(7)).
std::pair<uint32_t, uint32_t> EphemeralRange() {
  std::pair<uint32_t, uint32_t> range{0, 0};
  std::istringstream text(ReadFile("/proc/sys/net/ipv4/ip_local_port_range").value_or(""));
  text >> range.first >> range.second;
  bool valid = range.first > 0 && range.first <= range.second && range.second <= 65535;
  return valid ? range : std::pair<uint32_t, uint32_t>{32768, 60999};
}

uint32_t RandomBelow(uint32_t limit) {
  uint32_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) return 0;
  return number % limit;
}

Result<uint32_t> Choose(const PortWish& wish, const BusyPorts& busy) {
  auto is_free = [&](uint32_t port) {
    return !busy.contains({ProtocolText(wish.protocol), port}) && CanBind(wish, port);
  };
  if (wish.first_host_port > 0)
    return FirstFreePort(wish.first_host_port, wish.last_host_port, wish.first_host_port, is_free);
  auto [first, last] = EphemeralRange();
  return FirstFreePort(first, last, first + RandomBelow(last - first + 1), is_free);
}

// The EXPOSE of the image.
Result<std::vector<PortWish>> PortsOfImage(const Daemon& daemon, const std::string& image) {
  api::InspectImageRequest request;
  request.set_image(image);
  const nlohmann::json document = JsonOrNull(TRY(daemon.Call(&OwnImageStub::Inspect, request)).config());
  const nlohmann::json* config = JsonMember(document, "config");
  const nlohmann::json* ports = config == nullptr ? nullptr : JsonMember(*config, "ExposedPorts");
  std::vector<PortWish> wishes;
  if (ports == nullptr || !ports->is_object()) return wishes;
  for (const auto& item : ports->items()) {
    Result<std::vector<PortWish>> parsed = ParseExposedPort(item.key());
    if (!parsed) return std::unexpected(Within("the image's EXPOSE", std::move(parsed).error()));
    wishes.insert(wishes.end(), parsed->begin(), parsed->end());
  }
  return wishes;
}

bool Names(const std::vector<PortWish>& wishes, const PortWish& wanted) {
  return std::ranges::any_of(wishes, [&](const PortWish& wish) {
    return wish.container_port == wanted.container_port && wish.protocol == wanted.protocol;
  });
}

Result<> AddExposed(const Daemon& daemon, const RunOptions& options, std::vector<PortWish>& wishes) {
  std::vector<PortWish> exposed = TRY(PortsOfImage(daemon, options.image));
  for (const std::string& text : options.exposed) {
    std::vector<PortWish> more = TRY(ParseExposedPort(text));
    exposed.insert(exposed.end(), more.begin(), more.end());
  }
  for (const PortWish& wish : exposed)
    if (!Names(wishes, wish)) wishes.push_back(wish);
  return {};
}

}  // namespace

Result<uint32_t> FirstFreePort(uint32_t first, uint32_t last, uint32_t start,
                               const std::function<bool(uint32_t port)>& is_free) {
  uint32_t port = start;
  for (uint32_t tried = 0; tried <= last - first; ++tried) {
    if (is_free(port)) return port;
    port = port == last ? first : port + 1;
  }
  return Fail(Code::kResourceExhausted, "publish", std::to_string(first) + "-" + std::to_string(last),
              "no port of the host is free in this range");
}

Result<> ChoosePorts(const Daemon& daemon, const RunOptions& options, api::ContainerSpec& spec) {
  constexpr size_t kMostPorts = 1000;
  std::vector<PortWish> wishes;
  for (const std::string& text : options.ports) {
    std::vector<PortWish> more = TRY(ParsePortSpec(text));
    wishes.insert(wishes.end(), more.begin(), more.end());
  }
  if (options.publish_all) TRY(AddExposed(daemon, options, wishes));
  if (wishes.size() > kMostPorts)
    return Fail(Code::kInvalidArgument, "publish", "", "a container has at most 1000 ports");
  if (std::ranges::all_of(wishes, &PortWish::IsFixed)) return {};
  BusyPorts busy = TRY(FindBusyPorts(daemon));
  for (const PortWish& wish : wishes)
    if (wish.IsFixed()) busy.emplace(ProtocolText(wish.protocol), wish.first_host_port);
  for (const PortWish& wish : wishes) {
    if (wish.IsFixed()) continue;
    uint32_t port = TRY(Choose(wish, busy));
    busy.emplace(ProtocolText(wish.protocol), port);
    *spec.add_ports() = MappingOf(wish, port);
  }
  return {};
}

}  // namespace davit::cli
