// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/container_link.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <optional>

#include "base/file_io.h"
#include "cni/names.h"
#include "cni/sysctl.h"
#include "cni/veth.h"

namespace davit::cni {
namespace {

Result<Link> RequireLink(NetlinkSocket& socket, const std::string& name, const std::string& where) {
  std::optional<Link> link = TRY(FindLink(socket, name));
  if (link) return *link;
  return Fail(Code::kFailedPrecondition, "find interface", name, "there is none in " + where);
}

// What the runtime asks for, or what follows from the address: a reused address keeps its MAC address.
MacAddress MacFor(const Invocation& call, const NetworkConfig& config, const CniResult& addressing) {
  if (config.wishes.mac) return *config.wishes.mac;
  if (call.args.mac) return *call.args.mac;
  return addressing.addresses.empty() ? MacAddress{} : PodMac(addressing.addresses.front().address);
}

PodInterface ContainerEnd(const Invocation& call, const CniResult& addressing) {
  PodInterface interface{.name = call.interface,
                         .routes = addressing.routes,
                         .other_routes = OtherRoute::kStays,
                         .loopback = false};
  for (const ResultAddress& a : addressing.addresses) interface.addresses.push_back({a.address, a.prefix});
  return interface;
}

Result<> Limit(NetlinkSocket& routes, const std::string& host_name, const TrafficLimits& limits) {
  if (!limits.any()) return {};
  return LimitTraffic(routes, TRY(RequireLink(routes, host_name, "the host")), limits);
}

Result<> MakeAndConfigure(NetlinkSocket& routes, const VethPair& pair, const PodInterface& interface,
                          const TrafficLimits& limits) {
  NetlinkSocket pod = TRY(EnterPod(pair.netns_fd));
  TRY(CreateVeth(routes, pair));
  TRY(ConfigurePod(pair.netns_fd, pod, interface));
  TRY(Limit(routes, pair.host_name, limits));
  TRY(SettleCarrier(routes, pair));
  return SettleIpv6(pod, interface.addresses);
}

ResultInterface Described(const Link& link, const std::string& sandbox) {
  return {.name = link.name, .mac = FormatMac(link.mac), .mtu = link.mtu, .sandbox = sandbox};
}

std::unexpected<Error> Differs(const std::string& subject, std::string_view why) {
  return Fail(Code::kFailedPrecondition, "check interface", subject, why);
}

Result<> CheckAddresses(NetlinkSocket& pod, const Link& link, const std::vector<ResultAddress>& expected) {
  std::vector<InterfaceAddress> found = TRY(ListAddresses(pod));
  for (const ResultAddress& want : expected) {
    bool has = std::ranges::any_of(found, [&](const InterfaceAddress& a) {
      return a.index == link.index && a.address == want.address && a.prefix == want.prefix;
    });
    if (!has) return Differs(link.name, "it lacks the address " + want.address.ToString());
  }
  return {};
}

Result<> CheckRoutes(NetlinkSocket& pod, const Link& link, const std::vector<Route>& expected) {
  std::vector<Route> found = TRY(ListRoutes(pod, link.index));
  for (const Route& want : expected) {
    bool has = std::ranges::any_of(found, [&](const Route& route) {
      return route.destination == want.destination &&
             (want.gateway.IsUnspecified() || route.gateway == want.gateway);
    });
    if (!has) return Differs(link.name, "it lacks the route to " + want.destination.ToString());
  }
  return {};
}

// Another interface of the container may have had a route to the same destination first.
std::vector<Route> RoutesThrough(const std::vector<ResultAddress>& addresses,
                                 const std::vector<Route>& routes) {
  std::vector<Route> ours = routes;
  std::erase_if(ours, [&](const Route& route) {
    return std::ranges::none_of(addresses, [&](const ResultAddress& address) {
      return SubnetOf(address.address, address.prefix).Contains(route.gateway);
    });
  });
  return ours;
}

// The addresses of the interface `index` of a result; those that name none are the container's.
std::vector<ResultAddress> AddressesOf(const CniResult& result, size_t index) {
  std::vector<ResultAddress> addresses = result.addresses;
  std::erase_if(addresses, [&](const ResultAddress& a) { return a.interface && *a.interface != index; });
  return addresses;
}

Result<> CheckLimits(NetlinkSocket& routes, const Link& host, const TrafficLimits& limits) {
  if (!limits.any()) return {};
  std::optional<Link> ifb = TRY(FindLink(routes, IfbName(host.name)));
  TrafficFacts facts = TRY(ListTrafficLimits(routes, {host}, {{host.name, limits}}));
  if (AreLimited(facts, host, ifb ? &*ifb : nullptr, limits)) return {};
  return Differs(host.name, "its traffic is not limited as it should be");
}

Result<> CheckHostEnd(NetlinkSocket& routes, const HostBridge& bridge, const Invocation& call,
                      const NetworkConfig& config) {
  Link link = TRY(RequireLink(routes, HostInterfaceName(config.bridge.name, call.Key()), "the host"));
  if (link.master != bridge.link.index) return Differs(link.name, "it is no port of " + bridge.link.name);
  if ((link.flags & IFF_UP) == 0) return Differs(link.name, "it is down");
  if (link.hairpin != config.port.hairpin) return Differs(link.name, "hairpin mode differs");
  return CheckLimits(routes, link, config.wishes.limits);
}

}  // namespace

Result<UniqueFd> OpenNetns(const Invocation& call) {
  Result<UniqueFd> fd = OpenAt(AT_FDCWD, call.netns, O_RDONLY);
  if (!fd) return std::unexpected(Within("open network namespace", std::move(fd).error()));
  struct statfs filesystem{};
  struct stat theirs{}, ours{};
  if (fstatfs(fd->get(), &filesystem) < 0 || filesystem.f_type != NSFS_MAGIC)
    return Fail(Code::kNotFound, "open network namespace", call.netns, "the file is none");
  if (fstat(fd->get(), &theirs) < 0 || stat("/proc/thread-self/ns/net", &ours) < 0)
    return SystemError("stat", call.netns);
  if (theirs.st_ino == ours.st_ino && !call.own_netns_allowed)
    return Fail(Code::kInvalidArgument, "open network namespace", call.netns, "it is the plugin's own");
  return fd;
}

std::vector<Route> RoutesFor(const NetworkConfig& config, const std::vector<Route>& given,
                             const std::vector<ResultAddress>& addresses) {
  std::vector<Route> routes = given;
  for (const ResultAddress& address : addresses) {
    if (!address.gateway) continue;
    for (Route& route : routes)
      if (route.gateway.IsUnspecified() && route.gateway.family == address.address.family && route.scope == 0)
        route.gateway = *address.gateway;
    Route fallback = DefaultRoute(*address.gateway);
    bool has_one = std::ranges::find(routes, fallback.destination, &Route::destination) != routes.end();
    if (config.default_gateway && !has_one) routes.push_back(fallback);
  }
  return routes;
}

Result<CniResult> MakeContainerLink(NetlinkSocket& routes, const HostBridge& bridge, const Invocation& call,
                                    const NetworkConfig& config, int netns_fd, const CniResult& addressing) {
  VethPair pair{.host_name = HostInterfaceName(config.bridge.name, call.Key()),
                .alias = call.Key(),
                .bridge_index = bridge.link.index,
                .mtu = config.bridge.mtu,
                .pod_mac = MacFor(call, config, addressing),
                .ipv6 = KernelHasIpv6(),
                .netns_fd = netns_fd,
                .pod_name = call.interface,
                .port = config.port};
  Result<> made = MakeAndConfigure(routes, pair, ContainerEnd(call, addressing), config.wishes.limits);
  if (!made) {
    if (made.error().code != Code::kAlreadyExists) (void)RemoveContainerLink(routes, config, call.Key());
    return std::unexpected(std::move(made).error());
  }
  NetlinkSocket pod = TRY(EnterPod(netns_fd));
  CniResult result = addressing;
  result.interfaces = {Described(bridge.link, ""),
                       Described(TRY(RequireLink(routes, pair.host_name, "the host")), ""),
                       Described(TRY(RequireLink(pod, call.interface, call.netns)), call.netns)};
  for (ResultAddress& address : result.addresses) address.interface = result.interfaces.size() - 1;
  return result;
}

// Without an alias, a run was killed between the two requests that make a link.
Result<> RemoveContainerLink(NetlinkSocket& routes, const NetworkConfig& config, const std::string& key) {
  std::string host_name = HostInterfaceName(config.bridge.name, key);
  std::vector<uint32_t> indexes;
  for (const std::string& name : {host_name, IfbName(host_name)}) {
    std::optional<Link> link = TRY(FindLink(routes, name));
    bool ours =
        link && (link->kind == "veth" || link->kind == "ifb") && (link->alias == key || link->alias.empty());
    if (ours) indexes.push_back(link->index);
  }
  return DeleteLinks(routes, indexes, RemovalGroup(config.bridge.name));
}

Result<> CheckContainerLink(NetlinkSocket& routes, const HostBridge& bridge, const Invocation& call,
                            const NetworkConfig& config, int netns_fd, const CniResult& previous) {
  auto inside = std::ranges::find_if(previous.interfaces, [&](const ResultInterface& interface) {
    return interface.name == call.interface && !interface.sandbox.empty();
  });
  if (inside == previous.interfaces.end())
    return Fail(Code::kInvalidArgument, "read prevResult", call.interface, "it has no such interface");
  TRY(CheckHostEnd(routes, bridge, call, config));
  NetlinkSocket pod = TRY(EnterPod(netns_fd));
  Link link = TRY(RequireLink(pod, call.interface, call.netns));
  if (!inside->mac.empty() && inside->mac != FormatMac(link.mac))
    return Differs(link.name, "its MAC address is " + FormatMac(link.mac) + ", not " + inside->mac);
  if ((link.flags & IFF_UP) == 0) return Differs(link.name, "it is down");
  auto index = static_cast<size_t>(inside - previous.interfaces.begin());
  std::vector<ResultAddress> addresses = AddressesOf(previous, index);
  TRY(CheckAddresses(pod, link, addresses));
  return CheckRoutes(pod, link, RoutesThrough(addresses, previous.routes));
}

}  // namespace davit::cni
