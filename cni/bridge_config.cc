// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_config.h"

#include <net/if.h>

#include <algorithm>
#include <cctype>

#include "cni/names.h"

namespace davit::cni {
namespace {

constexpr uint64_t kLastOffset = UINT32_MAX;  // AddressPool
constexpr size_t kMaxTableName = 64;

bool HasBadCharacter(const std::string& name) {
  return std::ranges::any_of(name, [](char c) {
    return !isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.';
  });
}

// The rules of dev_valid_name() in the kernel, and no character that means something in a path or an nft
// script.
Result<> CheckNames(const BridgeConfig& config) {
  if (config.name.empty() || config.name.size() >= IFNAMSIZ || config.name.starts_with('.') ||
      HasBadCharacter(config.name))
    return Fail(Code::kInvalidArgument, "configure bridge", config.name,
                "an interface's name is 1 to 15 letters, digits, '-', '_' or '.'");
  if (config.table.empty() || config.table.size() > kMaxTableName || HasBadCharacter(config.table))
    return Fail(Code::kInvalidArgument, "configure nftables table", config.table,
                "a table's name is 1 to 64 letters, digits, '-', '_' or '.'");
  return {};
}

Result<> CheckMtu(const BridgeConfig& config) {
  bool ipv6 = std::ranges::any_of(config.subnets, [](const Subnet& s) { return s.base.family == AF_INET6; });
  if (config.mtu != 0 && (config.mtu < (ipv6 ? kMinMtuIpv6 : kMinMtu) || config.mtu > kMaxMtu))
    return Fail(Code::kInvalidArgument, "configure bridge", "mtu " + std::to_string(config.mtu),
                "out of range");
  return {};
}

Result<> CheckSubnets(const std::vector<Subnet>& subnets) {
  for (const Subnet& subnet : subnets) {
    bool alone = std::ranges::count_if(
                     subnets, [&](const Subnet& s) { return s.base.family == subnet.base.family; }) == 1;
    if (!alone)
      return Fail(Code::kInvalidArgument, "configure bridge", subnet.ToString(), "two subnets of one family");
    if (subnet.HostBits() < 2)
      return Fail(Code::kInvalidArgument, "configure bridge", subnet.ToString(), "too small");
  }
  return {};
}

Result<> CheckGateways(const BridgeConfig& config) {
  for (const IpAddress& gateway : config.gateways) {
    auto of = std::ranges::find_if(config.subnets, [&](const Subnet& s) { return s.Contains(gateway); });
    if (of == config.subnets.end())
      return Fail(Code::kInvalidArgument, "configure bridge", gateway.ToString(),
                  "a gateway must be an address of a subnet");
    uint64_t offset = of->OffsetOf(gateway);
    bool broadcast = gateway.family == AF_INET && offset == (uint64_t{1} << of->HostBits()) - 1;
    if (offset == 0 || offset > kLastOffset || broadcast)
      return Fail(Code::kInvalidArgument, "configure bridge", gateway.ToString(),
                  "this address cannot be the gateway of " + of->ToString());
  }
  return {};
}

std::vector<Subnet> Sorted(std::vector<Subnet> subnets) {
  std::ranges::sort(subnets);
  return subnets;
}

}  // namespace

Result<> CheckConfig(const BridgeConfig& config) {
  TRY(CheckNames(config));
  TRY(CheckMtu(config));
  TRY(CheckSubnets(config.subnets));
  return CheckGateways(config);
}

IpAddress GatewayOf(const BridgeConfig& config, const Subnet& subnet) {
  for (const IpAddress& gateway : config.gateways)
    if (subnet.Contains(gateway)) return gateway;
  return subnet.AddressAt(1);
}

std::string BridgeAlias(const std::string& table) {
  return "davit bridge, nftables table " + table;
}

BridgeDevice DeviceOf(const BridgeConfig& config) {
  BridgeDevice device{.name = config.name,
                      .alias = BridgeAlias(config.table),
                      .mac = BridgeMac(config.name),
                      .mtu = config.mtu,
                      .filter_bridged = config.filter_bridged,
                      .follow_uplink = config.follow_uplink,
                      .subnets = Sorted(config.subnets)};
  for (const Subnet& subnet : device.subnets) device.gateways.push_back(GatewayOf(config, subnet));
  return device;
}

BridgeTables TablesOf(const BridgeConfig& config) {
  return {.name = config.table,
          .bridge = config.name,
          .subnets = Sorted(config.subnets),
          .masquerade = config.masquerade,
          .no_masquerade = config.no_masquerade};
}

}  // namespace davit::cni
