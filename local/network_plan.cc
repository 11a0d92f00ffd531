// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/network_plan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

namespace api = ::davit::v1;

using cni::IpAddress;
using cni::Subnet;

constexpr size_t kMostNameBytes = 63;  // of a label in DNS
constexpr size_t kMostAliasBytes = 253;
constexpr int kMostAliases = 64;
constexpr int kMostLabels = 1000;
constexpr size_t kMostLabelBytes = 65'536;
constexpr std::array kReserved = {"bridge", "default", "host", "none", "container"};

// Behind the node's own, 10.88.0.0/16: 10.89.0.0/24, 10.89.1.0/24 and so on, as podman's.
constexpr uint32_t kFirstFree = (10u << 24) | (89u << 16), kEndOfFree = 11u << 24, kStep = 1u << 8;
constexpr int kFreePrefix = 24;

std::unexpected<Error> Bad(const char* field, const std::string& value, const std::string& why) {
  return Fail(Code::kInvalidArgument, field, value, why);
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsNameOf(const std::string& text, size_t most) {
  return !text.empty() && text.size() <= most && IsWordCharacter(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) { return IsWordCharacter(c) || c == '-' || c == '_' || c == '.'; });
}

const TakenSubnet* Overlapping(const Subnet& subnet, const std::vector<TakenSubnet>& taken) {
  auto found =
      std::ranges::find_if(taken, [&](const TakenSubnet& other) { return other.first.Overlaps(subnet); });
  return found == taken.end() ? nullptr : &*found;
}

Result<Subnet> FreeSubnet(const std::vector<TakenSubnet>& taken) {
  for (uint32_t base = kFirstFree; base < kEndOfFree; base += kStep) {
    Subnet subnet{{AF_INET, {}}, kFreePrefix};
    for (size_t byte = 0; byte < 4; ++byte)
      subnet.base.bytes[byte] = static_cast<uint8_t>(base >> (8 * (3 - byte)));
    if (Overlapping(subnet, taken) == nullptr) return subnet;
  }
  return Fail(Code::kResourceExhausted, "choose subnet", "", "none is free: name one with --subnet");
}

// Addresses of hosts, of which a network is a small part: not those of the own host, of links, of groups, or
// of another kind of addresses (IANA's special-purpose registries).
bool CanBeOfANetwork(const Subnet& subnet) {
  constexpr int kShortestIpv4 = 8, kShortestIpv6 = 16;
  auto first = static_cast<uint8_t>(subnet.base.bytes[0]);
  auto second = static_cast<uint8_t>(subnet.base.bytes[1]);
  if (subnet.base.family == AF_INET) {
    bool is_link = first == 169 && second == 254;
    return subnet.prefix >= kShortestIpv4 && first != 0 && first != 127 && first < 224 && !is_link;
  }
  bool is_link = first == 0xfe && (second & 0xc0) == 0x80;
  return subnet.prefix >= kShortestIpv6 && first != 0 && first != 0xff && !is_link;
}

Result<std::vector<Subnet>> SubnetsOf(const api::NetworkSpec& spec, const std::vector<TakenSubnet>& taken) {
  std::vector<Subnet> subnets;
  for (const std::string& text : spec.subnets()) {
    Subnet subnet = TRY(cni::ParseSubnet(text));
    auto same = [&](const Subnet& other) { return other.base.family == subnet.base.family; };
    if (std::ranges::any_of(subnets, same)) return Bad("subnets", text, "is the second one of its family");
    if (!CanBeOfANetwork(subnet))
      return Bad("subnets", text, "is no subnet for containers: use one of 10.0.0.0/8 or fd00::/8, say");
    if (subnet.HostBits() < 2) return Bad("subnets", text, "is too small for a gateway and a container");
    if (const TakenSubnet* other = Overlapping(subnet, taken))
      return Fail(Code::kFailedPrecondition, "make network with subnet", text,
                  "it overlaps " + other->first.ToString() + " of " + other->second);
    subnets.push_back(subnet);
  }
  if (subnets.empty()) subnets.push_back(TRY(FreeSubnet(taken)));
  std::ranges::sort(subnets);
  return subnets;
}

Result<std::vector<IpAddress>> GatewaysOf(const api::NetworkSpec& spec, const std::vector<Subnet>& subnets) {
  std::vector<IpAddress> gateways;
  for (const Subnet& subnet : subnets) gateways.push_back(subnet.AddressAt(1));
  std::vector<bool> named(subnets.size());
  for (const std::string& text : spec.gateways()) {
    IpAddress gateway = TRY(IpAddress::Parse(text));
    auto of = std::ranges::find_if(subnets, [&](const Subnet& subnet) { return subnet.Contains(gateway); });
    if (of == subnets.end()) return Bad("gateways", text, "is in no subnet of the network");
    auto at = static_cast<size_t>(of - subnets.begin());
    if (named[at]) return Bad("gateways", text, "is the second one of its subnet");
    named[at] = true;
    gateways[at] = gateway;
  }
  return gateways;
}

}  // namespace

Result<> CheckNetworkName(const std::string& name) {
  if (!IsNameOf(name, kMostNameBytes))
    return Bad("name of network", name.substr(0, kMostAliasBytes),
               "use 1 to 63 letters, digits, '_', '.' and '-', the first a letter or a digit");
  if (std::ranges::find(kReserved, name) != kReserved.end())
    return Bad("name of network", name, "has a meaning of its own");
  return {};
}

Result<NetworkPlan> PlanNetwork(const api::NetworkSpec& spec, const std::vector<TakenSubnet>& taken) {
  TRY(cri::LimitCount("labels", static_cast<int>(spec.labels_size()), kMostLabels));
  for (const auto& [key, value] : spec.labels()) {
    TRY(cri::RequireText("labels", key, kMostLabelBytes));
    TRY(cri::LimitText("labels", value, kMostLabelBytes));
  }
  std::vector<Subnet> subnets = TRY(SubnetsOf(spec, taken));
  std::vector<IpAddress> gateways = TRY(GatewaysOf(spec, subnets));
  return NetworkPlan{std::move(subnets), std::move(gateways)};
}

Result<> CheckWantedAddresses(const api::ContainerSpec& spec, const NetworkPlan& network) {
  for (const std::string& text : spec.network_addresses()) {
    IpAddress address = TRY(IpAddress::Parse(text));
    auto has = [&](const Subnet& subnet) { return subnet.Contains(address); };
    auto subnet = std::ranges::find_if(network.subnets, has);
    if (subnet == network.subnets.end())
      return Bad("network_addresses", text, "is in no subnet of network " + spec.network_name());
    uint64_t offset = subnet->OffsetOf(address);
    bool broadcast = address.family == AF_INET && offset == (uint64_t{1} << subnet->HostBits()) - 1;
    bool gateway = std::ranges::find(network.gateways, address) != network.gateways.end();
    if (offset == 0 || broadcast || gateway)
      return Bad("network_addresses", text, "cannot be a container's address");
  }
  return {};
}

Result<> CheckNetworkUse(const api::ContainerSpec& spec) {
  bool named = spec.network() == api::ContainerSpec::USER;
  if (named != !spec.network_name().empty())
    return Bad("network_name", spec.network_name(), "needs the network USER, which needs it");
  if (!named && spec.network_aliases_size() + spec.network_addresses_size() > 0)
    return Bad("network", "",
               "only a network that was made with `davit network create` has aliases and chosen addresses");
  TRY(cri::LimitText("network_name", spec.network_name(), kMostAliasBytes));
  TRY(cri::LimitCount("network_aliases", spec.network_aliases_size(), kMostAliases));
  for (const std::string& alias : spec.network_aliases())
    if (!IsNameOf(alias, kMostAliasBytes))
      return Bad("network_aliases", alias.substr(0, kMostAliasBytes),
                 "use letters, digits, '_', '.' and '-', the first a letter or a digit");
  TRY(cri::LimitCount("network_addresses", spec.network_addresses_size(), 2));
  std::vector<int> families;
  for (const std::string& text : spec.network_addresses()) {
    TRY(cri::LimitText("network_addresses", text, kMostAliasBytes));
    int family = TRY(IpAddress::Parse(text)).family;
    if (std::ranges::find(families, family) != families.end())
      return Bad("network_addresses", text, "is the second address of its family");
    families.push_back(family);
  }
  return {};
}

}  // namespace davit::local
