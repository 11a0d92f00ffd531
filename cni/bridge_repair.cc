// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_repair.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "cni/bridge_look.h"
#include "cni/link.h"
#include "cni/route.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

using Kind = Repair::Kind;

// The kernel's answers to one batch must fit into the socket's receive buffer (212,992 bytes by default).
constexpr size_t kRepairsPerBatch = 64;

void AddCreation(NetlinkBatch& batch, const BridgeDevice& device) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("create bridge", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, device.name.c_str());
  mnl_attr_put(message, IFLA_ADDRESS, device.mac.size(), device.mac.data());
  if (device.mtu != 0) mnl_attr_put_u32(message, IFLA_MTU, device.mtu);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
  mnl_attr_nest_end(message, info);
}

void AddBridgeOptions(NetlinkBatch& batch, const char* step, uint32_t index,
                      std::initializer_list<std::pair<uint16_t, uint8_t>> options) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifinfomsg>(step, RTM_NEWLINK, NLM_F_ACK, &message);
  header->ifi_index = static_cast<int>(index);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  for (const auto& [option, value] : options) mnl_attr_put_u8(message, option, value);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
}

// Snooping restricts groups to the ports that have asked for them once a querier is seen, and here is none.
// While it is on, each port that comes or goes starts it anew on all the others.
void AddSnoopingOff(NetlinkBatch& batch, uint32_t index) {
  AddBridgeOptions(batch, "switch off multicast snooping", index, {{IFLA_BR_MCAST_SNOOPING, 0}});
}

void AddFiltering(NetlinkBatch& batch, uint32_t index) {
  AddBridgeOptions(batch, "filter bridged frames", index,
                   {{IFLA_BR_NF_CALL_IPTABLES, 1}, {IFLA_BR_NF_CALL_IP6TABLES, 1}});
}

nlmsghdr* AddChange(NetlinkBatch& batch, const char* step, uint32_t index) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>(step, RTM_SETLINK, NLM_F_ACK, &message)->ifi_index = static_cast<int>(index);
  return message;
}

void AddRename(NetlinkBatch& batch, uint32_t index, const std::string& name) {
  mnl_attr_put_strz(AddChange(batch, "rename link", index), IFLA_IFNAME, name.c_str());
}

// Before Linux 6.2 a link has to be down for that: it loses its IPv6 addresses then.
Result<> Rename(NetlinkSocket& routes, uint32_t index, const std::string& name) {
  NetlinkBatch live;
  AddRename(live, index, name);
  Result<> renamed = routes.Execute(live);
  if (renamed || renamed.error().os_errno != EBUSY) return renamed;
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  auto* down = batch.Add<ifinfomsg>("set link down", RTM_SETLINK, NLM_F_ACK, &message);
  down->ifi_index = static_cast<int>(index);
  down->ifi_change = IFF_UP;
  AddRename(batch, index, name);
  SetLinkUp(batch, index);
  return routes.Execute(batch);
}

void AddRepair(NetlinkBatch& batch, const BridgeDevice& device, uint32_t bridge_index, const Repair& repair) {
  switch (repair.kind) {
    case Kind::kCreateBridge:
      AddCreation(batch, device);
      return;
    case Kind::kMark:
      mnl_attr_put_strz(AddChange(batch, "set bridge alias", repair.index), IFLA_IFALIAS,
                        device.alias.c_str());
      return;
    case Kind::kStopSnooping:
      return AddSnoopingOff(batch, repair.index);
    case Kind::kFilterBridged:
      return AddFiltering(batch, repair.index);
    case Kind::kSetMac:
      mnl_attr_put(AddChange(batch, "set MAC address", repair.index), IFLA_ADDRESS, device.mac.size(),
                   device.mac.data());
      return;
    case Kind::kSetMtu:
      return SetMtu(batch, repair.index, device.mtu);
    case Kind::kRemoveAddress:
      return RemoveAddress(batch, repair.address);
    case Kind::kAddAddress:
      return AddAddress(batch, repair.address);
    case Kind::kBringUp:
      return SetLinkUp(batch, repair.index);
    case Kind::kRouteLoopback:
      return AddLoopbackRoute(batch, repair.index);
    case Kind::kMakePort:
      return AddPort(batch, repair.index, bridge_index);
    case Kind::kRename:
    case Kind::kWriteSetting:
    case Kind::kLimitTraffic:
      return;  // not as a part of a batch
  }
}

// Those that are more than requests of one batch.
bool IsAlone(Kind kind) {
  return kind == Kind::kWriteSetting || kind == Kind::kRename || kind == Kind::kLimitTraffic;
}

Result<> ApplyAlone(NetlinkSocket& routes, const Repair& repair) {
  if (repair.kind == Kind::kWriteSetting) return EnsureSysctl(repair.link, repair.value);
  if (repair.kind == Kind::kRename) return Unless(Rename(routes, repair.index, repair.value), ENODEV);
  std::optional<Link> host = TRY(FindLink(routes, repair.link));
  return host ? Unless(LimitTraffic(routes, *host, repair.limits), ENODEV) : Result<>();
}

// Applies all of the plan and returns the first error.
Result<> ApplyRepairs(NetlinkSocket& routes, const BridgeDevice& device, uint32_t bridge_index,
                      const RepairPlan& plan, BridgeRepairs& repairs) {
  Result<> first;
  auto note = [&first](Result<> done) {
    if (first && !done) first = std::move(done);
  };
  NetlinkBatch batch;
  size_t count = 0;
  auto flush = [&] {
    note(Unless(routes.Execute(batch), ENODEV));
    batch = NetlinkBatch();
    count = 0;
  };
  for (const Repair& repair : plan.repairs) {
    if (IsAlone(repair.kind)) {
      flush();
      Result<> done = ApplyAlone(routes, repair);
      if (!done && repair.kind == Kind::kLimitTraffic)
        repairs.unlimited[repair.link] = done.error().ToString();
      else
        note(std::move(done));
      continue;
    }
    AddRepair(batch, device, bridge_index, repair);
    if (++count == kRepairsPerBatch) flush();
  }
  flush();
  return first;
}

// Limits that could not be set are not tried again in one look.
Result<PlannedBridge> PlanWithout(const std::map<std::string, std::string>& unlimited,
                                  const std::function<Result<PlannedBridge>()>& plan) {
  PlannedBridge planned = TRY(plan());
  std::erase_if(planned.plan.repairs, [&](const Repair& repair) {
    return repair.kind == Kind::kLimitTraffic && unlimited.contains(repair.link);
  });
  return planned;
}

// A deleted bridge takes three: the device, what depends on it, and the look that finds nothing more. One
// more for a link that is renamed while it has to be down.
constexpr int kRounds = 4;

}  // namespace

std::string Listed(const std::vector<Repair>& repairs) {
  constexpr size_t kShown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(repairs.size(), kShown); ++i)
    text += (text.empty() ? "" : ", ") + repairs[i].ToString();
  return repairs.size() > kShown ? text + " and " + std::to_string(repairs.size() - kShown) + " more" : text;
}

Result<PlannedBridge> PlanBridge(const BridgeFacts& facts, const BridgeGoal& goal) {
  PlannedBridge planned{.plan = {}, .device = goal.device};
  planned.plan = TRY(PlanRepairs(goal, facts));
  const Link* bridge = FindBridge(facts.links, goal.device);
  bool filters = bridge != nullptr && facts.bridge_netfilter;
  planned.index = bridge != nullptr ? bridge->index : 0;
  planned.answers_pass = {facts.filters_all_ipv4 || (filters && bridge->filters_ipv4),
                          facts.filters_all_ipv6 || (filters && bridge->filters_ipv6)};
  return planned;
}

Result<PlannedBridge> PlanBridge(NetlinkSocket& routes, const BridgeGoal& goal) {
  return PlanBridge(TRY(LookAtBridge(routes, goal)), goal);
}

Result<PlannedBridge> PlanDevice(NetlinkSocket& routes, const BridgeDevice& device) {
  return PlanBridge(TRY(LookAtDevice(routes, device)), {.device = device});
}

Result<> RepairBridge(NetlinkSocket& routes, const std::function<Result<PlannedBridge>()>& plan,
                      BridgeRepairs& repairs) {
  for (int round = 0; round < kRounds; ++round) {
    PlannedBridge planned = TRY(PlanWithout(repairs.unlimited, plan));
    repairs.lost = std::move(planned.plan.lost);
    repairs.other_mtu = std::move(planned.plan.other_mtu);
    if (planned.plan.repairs.empty()) return {};
    TRY(ApplyRepairs(routes, planned.device, planned.index, planned.plan, repairs));
    for (const Repair& repair : planned.plan.repairs)
      if (!repairs.unlimited.contains(repair.link)) repairs.repaired.push_back(repair.ToString());
  }
  PlannedBridge left = TRY(PlanWithout(repairs.unlimited, plan));
  if (left.plan.repairs.empty()) return {};
  return Fail(Code::kUnavailable, "repair bridge", left.device.name,
              "something undoes it: " + Listed(left.plan.repairs));
}

}  // namespace davit::cni
