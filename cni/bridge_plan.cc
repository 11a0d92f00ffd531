// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_plan.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <unordered_map>

namespace davit::cni {
namespace {

using Kind = Repair::Kind;

// A process that dies right after the creation leaves a bridge without our mark, but with our address.
bool IsOurs(const Link& link, const BridgeDevice& device) {
  return link.kind == "bridge" &&
         (link.alias == device.alias || (link.alias.empty() && link.mac == device.mac));
}

Result<> FailOnOverlap(const BridgeFacts& facts, uint32_t bridge_index, const BridgeDevice& device) {
  for (const InterfaceAddress& a : facts.addresses) {
    if (a.index == bridge_index || a.scope != RT_SCOPE_UNIVERSE) continue;
    for (const Subnet& subnet : device.subnets) {
      if (!subnet.Contains(a.address)) continue;
      auto holder = std::ranges::find(facts.links, a.index, &Link::index);
      return Fail(Code::kFailedPrecondition, "use subnet", subnet.ToString(),
                  "address " + a.address.ToString() + " of interface " +
                      (holder != facts.links.end() ? holder->name : std::to_string(a.index)) + " lies in it");
    }
  }
  return {};
}

// The kernel lacks settings of a family that it runs without, and those of a device that does not exist yet.
void PlanSettings(const std::vector<Setting>& wanted, const BridgeFacts& facts, RepairPlan& plan) {
  for (const Setting& setting : wanted) {
    auto found = facts.settings.find(setting.name);
    if (found != facts.settings.end() && found->second != setting.value)
      plan.repairs.push_back({Kind::kWriteSetting, setting.name, 0, setting.value, {}});
  }
}

// Links that accept router advertisements go on doing so.
void PlanForwarding(const BridgeGoal& goal, const BridgeFacts& facts, RepairPlan& plan) {
  auto forwarding = facts.settings.find(kIpv6Forwarding);
  if (goal.device.HasFamily(AF_INET6) && forwarding != facts.settings.end() && forwarding->second != "1") {
    for (const Link& link : facts.links) {
      Setting setting = RouterAdvertisements(link.name);
      auto accepts = facts.settings.find(setting.name);
      if (link.name != goal.device.name && accepts != facts.settings.end() && accepts->second == "1")
        plan.repairs.push_back({Kind::kWriteSetting, setting.name, link.index, setting.value, {}});
    }
  }
  PlanSettings(HostSettings(goal.device), facts, plan);
}

// Derived from the MAC address (RFC 4291, appendix A), as the kernel does when the device comes up.
InterfaceAddress LinkLocal(const BridgeDevice& device, uint32_t index) {
  const MacAddress& mac = device.mac;
  IpAddress address{AF_INET6,
                    {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(mac[0] ^ 2), mac[1], mac[2], 0xff,
                     0xfe, mac[3], mac[4], mac[5]}};
  return {index, address, 64, RT_SCOPE_LINK};
}

// The host solicits the pods' neighbour entries from a link-local address: without one it reaches none over
// IPv6.
bool LacksLinkLocal(const BridgeDevice& device, const Link& bridge, const BridgeFacts& facts) {
  return device.HasFamily(AF_INET6) && std::ranges::none_of(facts.addresses, [&](const InterfaceAddress& a) {
           return a.index == bridge.index && a.address.family == AF_INET6 && a.scope == RT_SCOPE_LINK;
         });
}

void PlanAddresses(const BridgeDevice& device, const Link& bridge, const BridgeFacts& facts,
                   RepairPlan& plan) {
  std::vector<InterfaceAddress> missing;
  for (size_t i = 0; i < device.subnets.size(); ++i)
    missing.push_back({bridge.index, device.gateways[i], device.subnets[i].prefix, RT_SCOPE_UNIVERSE});
  for (const InterfaceAddress& a : facts.addresses) {
    if (a.index != bridge.index || a.scope != RT_SCOPE_UNIVERSE) continue;
    auto wanted = std::ranges::find_if(
        missing, [&](const InterfaceAddress& m) { return m.address == a.address && m.prefix == a.prefix; });
    if (wanted != missing.end())
      missing.erase(wanted);
    else
      plan.repairs.push_back({Kind::kRemoveAddress, bridge.name, bridge.index, "", a});
  }
  if (LacksLinkLocal(device, bridge, facts)) missing.push_back(LinkLocal(device, bridge.index));
  for (const InterfaceAddress& a : missing)
    plan.repairs.push_back({Kind::kAddAddress, bridge.name, bridge.index, "", a});
}

void PlanDevice(const BridgeGoal& goal, const Link& bridge, const BridgeFacts& facts, RepairPlan& plan) {
  auto add = [&](Kind kind) { plan.repairs.push_back({kind, bridge.name, bridge.index, "", {}}); };
  const BridgeDevice& device = goal.device;
  if (bridge.alias != device.alias) add(Kind::kMark);
  if (bridge.snooping) add(Kind::kStopSnooping);
  if (device.filter_bridged && facts.bridge_netfilter && !(bridge.filters_ipv4 && bridge.filters_ipv6))
    add(Kind::kFilterBridged);
  if (bridge.mac != device.mac) add(Kind::kSetMac);
  if (device.mtu != 0 && bridge.mtu != device.mtu) add(Kind::kSetMtu);
  PlanSettings(DeviceSettings(device, facts.kernel_has_ipv6), facts, plan);
  PlanAddresses(device, bridge, facts, plan);
  if ((bridge.flags & IFF_UP) == 0) add(Kind::kBringUp);
  if (device.HasFamily(AF_INET6) && !facts.loopback_route) add(Kind::kRouteLoopback);
}

// A link that has another name is limited in the next round.
void PlanLimits(const BridgeGoal& goal, const std::string& interface, const Link& link,
                const BridgeFacts& facts, RepairPlan& plan) {
  auto limits = goal.limits.find(interface);
  if (limits == goal.limits.end() || link.name != interface) return;
  auto ifb = std::ranges::find(facts.links, IfbName(interface), &Link::name);
  if (AreLimited(facts.traffic, link, ifb != facts.links.end() ? &*ifb : nullptr, limits->second)) return;
  plan.repairs.push_back({Kind::kLimitTraffic, link.name, link.index, "", {}, limits->second});
}

// Only what carries the sandbox's mark is a pod's interface.
void PlanPorts(const BridgeGoal& goal, const Link& bridge, const BridgeFacts& facts, RepairPlan& plan) {
  std::unordered_map<std::string, const Link*> by_alias;
  for (const Link& link : facts.links)
    if (link.kind == "veth" && !link.alias.empty()) by_alias.emplace(link.alias, &link);
  for (const auto& [interface, sandbox] : goal.pods) {
    auto found = by_alias.find(sandbox);
    if (found == by_alias.end()) {
      plan.lost.push_back(sandbox);
      continue;
    }
    const Link& link = *found->second;
    if (goal.device.mtu != 0 && link.mtu != goal.device.mtu) plan.other_mtu.push_back(sandbox);
    if (link.name != interface) plan.repairs.push_back({Kind::kRename, link.name, link.index, interface, {}});
    if (!IsGoodPort(link, bridge.index))
      plan.repairs.push_back({Kind::kMakePort, link.name, link.index, "", {}});
    PlanLimits(goal, interface, link, facts, plan);
  }
}

}  // namespace

const Link* FindBridge(const std::vector<Link>& links, const BridgeDevice& device) {
  auto found = std::ranges::find(links, device.name, &Link::name);
  if (found == links.end())
    found = std::ranges::find_if(links, [&](const Link& link) { return IsOurs(link, device); });
  return found == links.end() ? nullptr : &*found;
}

bool IsGoodPort(const Link& link, uint32_t bridge_index) {
  return link.master == bridge_index && link.hairpin && (link.flags & IFF_UP) != 0;
}

Result<RepairPlan> PlanRepairs(const BridgeGoal& goal, const BridgeFacts& facts) {
  const BridgeDevice& device = goal.device;
  const Link* bridge = FindBridge(facts.links, device);
  if (bridge != nullptr && !IsOurs(*bridge, device))
    return Fail(Code::kFailedPrecondition, "take over bridge", device.name,
                "the link exists and was not made for this purpose (no alias \"" + device.alias + "\")");
  TRY(FailOnOverlap(facts, bridge != nullptr ? bridge->index : 0, device));
  RepairPlan plan;
  PlanForwarding(goal, facts, plan);
  if (bridge == nullptr) {
    plan.repairs.push_back({Kind::kCreateBridge, device.name, 0, "", {}});
  } else if (bridge->name != device.name) {
    plan.repairs.push_back({Kind::kRename, bridge->name, bridge->index, device.name, {}});
  } else {
    PlanDevice(goal, *bridge, facts, plan);
    PlanPorts(goal, *bridge, facts, plan);
  }
  return plan;
}

std::string Repair::ToString() const {
  switch (kind) {
    case Kind::kCreateBridge:
      return link + " was missing";
    case Kind::kMark:
      return link + " lacked our mark";
    case Kind::kRename:
      return value + " was renamed to " + link;
    case Kind::kStopSnooping:
      return link + " had multicast snooping on";
    case Kind::kFilterBridged:
      return link + " did not filter frames between its ports";
    case Kind::kSetMac:
      return link + " had another MAC address";
    case Kind::kSetMtu:
      return link + " had another MTU";
    case Kind::kWriteSetting:
      return link + " was not " + value;
    case Kind::kRemoveAddress:
      return link + " had the address " + address.address.ToString();
    case Kind::kAddAddress:
      return link + " lacked the address " + address.address.ToString();
    case Kind::kBringUp:
      return link + " was down";
    case Kind::kRouteLoopback:
      return link + " lacked the local route for ::1";
    case Kind::kMakePort:
      return link + " was not a working port of the bridge";
    case Kind::kLimitTraffic:
      return link + " did not limit its traffic as it should";
  }
  return link;
}

}  // namespace davit::cni
