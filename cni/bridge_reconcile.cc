// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The repair of a bridge: one description of what should be, one look, one plan of differences, applied.
#include <algorithm>
#include <iterator>
#include <utility>

#include "cni/bridge.h"
#include "cni/bridge_look.h"
#include "cni/bridge_repair.h"

namespace davit::cni {

BridgeGoal Bridge::Goal() {
  BridgeGoal goal{device_, {}, {}};
  goal.device.mtu = mtu_;
  {
    MutexLock lock(pods_mutex_);
    for (const auto& [id, pod] : pods_) {
      goal.pods.emplace(pod.interface, id);
      if (pod.limits.any()) goal.limits.emplace(pod.interface, pod.limits);
    }
  }
  MutexLock lock(state_mutex_);
  goal.uplinks = uplinks_;
  return goal;
}

// Without an uplink the MTU stays as it was.
void Bridge::Follow(const BridgeFacts& facts) {
  if (!follow_uplink_) return;
  mtu_ = MtuOfUplinks(facts, device_).value_or(mtu_.load());
  MutexLock lock(state_mutex_);
  uplinks_ = facts.uplinks;
}

ForwardAccepts Bridge::Forwarding() const {
  return {name_, device_.subnets, /*all_into_pods=*/device_.filter_bridged};
}

std::vector<HostPort> Bridge::OpenedPorts() {
  std::vector<HostPort> ports;
  for (const auto& [id, pod] : pods_) ports.insert(ports.end(), pod.ports.begin(), pod.ports.end());
  return ports;
}

Result<PlannedBridge> Bridge::Plan() {
  BridgeFacts facts = TRY(LookAtBridge(*repair_routes_, Goal()));
  Follow(facts);
  PlannedBridge planned = TRY(PlanBridge(facts, Goal()));
  index_ = planned.index;
  answers_pass_ = planned.answers_pass;
  return planned;
}

// A look that began before the bridge was destroyed must not make it again.
Result<> Bridge::CheckNotDestroyed() const {
  if (destroyed_) return Fail(Code::kFailedPrecondition, "repair bridge", name_, "it was removed");
  return {};
}

Result<RepairReport> Bridge::Reconcile() {
  MutexLock lock(repair_mutex_);
  TRY(CheckNotDestroyed());
  RepairReport report;
  Result<> bridge = ReconcileBridge(report);
  TRY(ReconcilePorts(report));
  TRY(std::move(bridge));
  TRY(LookAtFirewalls(report));
  TRY(remover_->status());
  MutexLock conntrack(conntrack_mutex_);
  report.flows_trouble = std::exchange(flows_trouble_, "");
  return report;
}

Result<> Bridge::LookAtFirewalls(RepairReport& report) {
  ForwardReport firewalls;
  Result<> forwarded = LetForwardedThrough(*repair_rules_, Forwarding(), firewalls);
  std::ranges::move(firewalls.found, std::back_inserter(report.repaired));
  report.firewall_unknown = std::move(firewalls.unknown);
  MutexLock lock(state_mutex_);
  forward_drops_ = std::move(firewalls.drops);
  return forwarded;
}

BridgeState Bridge::State() const {
  MutexLock lock(state_mutex_);
  return {.mtu = mtu_, .owns_tables = table_->owned(), .forward_drops = forward_drops_};
}

// What the rules depend on is known only after a look at the links; they are made whatever became of those.
Result<> Bridge::ReconcileBridge(RepairReport& report) {
  Result<> links = ReconcileLinks(report);
  if (TRY(table_->Repair(answers_pass_)))
    report.repaired.push_back("the rules of " + name_ + " were not as needed");
  return links;
}

Result<> Bridge::ReconcileLinks(RepairReport& report) {
  auto plan = [this]() REQUIRES(repair_mutex_) { return Plan(); };
  BridgeRepairs repairs;
  Result<> done = RepairBridge(*repair_routes_, plan, repairs);
  std::ranges::move(repairs.repaired, std::back_inserter(report.repaired));
  report.lost = std::move(repairs.lost);
  report.other_mtu = std::move(repairs.other_mtu);
  report.unlimited = std::move(repairs.unlimited);
  return done;
}

Result<> Bridge::ReconcilePorts(RepairReport& report) {
  PortTable::Difference difference;
  {
    MutexLock lock(pods_mutex_);
    difference = TRY(table_->Reconcile(OpenedPorts()));
  }
  for (const HostPort& port : difference.removed) report.repaired.push_back(port.ToString() + " had no pod");
  for (const HostPort& port : difference.added) report.repaired.push_back(port.ToString() + " was closed");
  ForgetFlows(difference.removed, Flows::kIntoPod);
  ForgetFlows(difference.added, Flows::kToHostPort);
  return {};
}

Result<> Bridge::Watch(std::function<void()> on_disturbance) {
  auto concerns_us = [this](const NetworkChanges& changes) { return Concerns(Goal(), index_, changes); };
  auto routes = follow_uplink_ ? BridgeWatch::Routes::kWatched : BridgeWatch::Routes::kIgnored;
  watch_ = TRY(BridgeWatch::Start(table_->port_id(), routes, concerns_us, std::move(on_disturbance)));
  return {};
}

Result<> Bridge::Check() {
  MutexLock lock(repair_mutex_);
  TRY(CheckNotDestroyed());
  {
    MutexLock pods(pods_mutex_);
    TRY(table_->Check(OpenedPorts()));
  }
  TRY(remover_->status());
  std::vector<Repair> repairs = TRY(Plan()).plan.repairs;
  if (repairs.empty()) return {};
  return Fail(Code::kFailedPrecondition, "check bridge", name_, Listed(repairs));
}

}  // namespace davit::cni
