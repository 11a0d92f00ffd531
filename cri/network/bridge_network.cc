// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/bridge_network.h"

#include <algorithm>
#include <utility>

#include "cri/network/network_request.h"

namespace davit::cri {
namespace {

// What the record says of an attachment; what of it cannot be read goes into `unreadable`.
cni::Attachment AttachmentOf(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                             std::vector<Error>& unreadable) {
  cni::Attachment attachment{{}, record.host_interface, record.mac, {}};
  if (Result<std::vector<cni::IpAddress>> addresses = ParseAddresses(record.addresses))
    attachment.addresses = std::move(*addresses);
  else
    unreadable.push_back(std::move(addresses).error());
  // Ports were opened by an attach that succeeded; a refused one may have failed because of them.
  if (record.host_interface.empty()) return attachment;
  if (Result<std::vector<cni::PortMapping>> ports = HostPorts(config))
    attachment.ports = std::move(*ports);
  else
    unreadable.push_back(std::move(ports).error());
  return attachment;
}

}  // namespace

bool IsOnBridge(const SandboxRecord& record) {
  return !record.plugins && !record.addresses.empty();
}

BridgeNetwork::BridgeNetwork(const cni::BridgeConfig& config) : name_(config.name), config_(config) {
  std::ranges::sort(config_.subnets);
}

void BridgeNetwork::Recover(const std::vector<RecordedPod>& pods) {
  MutexLock lock(mutex_);
  for (const RecordedPod& pod : pods)
    if (IsOnBridge(pod.record)) RecoverPod(pod);
}

void BridgeNetwork::RecoverPod(const RecordedPod& pod) {
  std::vector<Error> unreadable;
  cni::Attachment attachment = AttachmentOf(pod.config, pod.record, unreadable);
  if (!unreadable.empty()) problems_.emplace(pod.record.id, std::move(unreadable.front()));
  PodLease& lease = leases_[pod.record.id];
  for (const cni::IpAddress& address : attachment.addresses) {
    bool ours =
        std::ranges::any_of(config_.subnets, [&](const cni::Subnet& s) { return s.Contains(address); });
    if (ours) {
      lease.addresses.push_back(address);
      continue;
    }
    problems_.emplace(pod.record.id, Error{Code::kFailedPrecondition, 0, "take over pod", pod.record.id,
                                           "its address " + address.ToString() + " is in no subnet of " +
                                               name_ + ", which have changed"});
  }
  // Without an interface in its record it was never finished, and what there is of it goes.
  if (!pod.record.host_interface.empty()) lease.recovered = std::move(attachment);
}

BridgeNetwork::Problems BridgeNetwork::TakeProblems() {
  MutexLock lock(mutex_);
  return std::exchange(problems_, {});
}

Result<> BridgeNetwork::Open() {
  MutexLock lock(mutex_);
  TRY(OpenBridge());
  return {};
}

Result<BridgeNetwork::BridgePtr> BridgeNetwork::OpenBridge() {
  if (bridge_ != nullptr) return bridge_;
  BridgePtr bridge = TRY(cni::Bridge::Open(config_));
  TRY(TakeOverPods(*bridge));
  bridge_ = std::move(bridge);
  return bridge_;
}

Result<> BridgeNetwork::TakeOverPods(cni::Bridge& bridge) {
  std::map<std::string, cni::Attachment> live;
  for (auto& [id, lease] : leases_) {
    lease.addresses = Reserve(bridge, id, lease);
    if (lease.recovered) live.emplace(id, *lease.recovered);
  }
  problems_.merge(TRY(bridge.Collect(live)));
  for (auto& [id, lease] : leases_) lease.recovered.reset();
  return {};
}

// One by one: those that can be had must not come to another pod, whatever becomes of this one.
std::vector<cni::IpAddress> BridgeNetwork::Reserve(cni::Bridge& bridge, const std::string& id,
                                                   const PodLease& lease) {
  std::vector<cni::IpAddress> reserved;
  for (const cni::IpAddress& address : lease.addresses) {
    if (Result<> done = bridge.ReserveAddresses({address}))
      reserved.push_back(address);
    else
      problems_.emplace(id, Within("take over pod", std::move(done).error()));
  }
  return reserved;
}

Result<> BridgeNetwork::Close() {
  if (bridge_ != nullptr) TRY(bridge_->Destroy());
  bridge_.reset();
  return {};
}

Result<> BridgeNetwork::Retire() {
  MutexLock lock(mutex_);
  return leases_.empty() ? Close() : Result<>{};
}

BridgeNetwork::BridgePtr BridgeNetwork::Current() const {
  MutexLock lock(mutex_);
  return bridge_;
}

bool BridgeNetwork::HasLeases() const {
  MutexLock lock(mutex_);
  return !leases_.empty();
}

// Without the lock: pods come and go meanwhile. A bridge that was closed under the check is none to judge.
Result<> BridgeNetwork::Check() {
  while (true) {
    BridgePtr bridge = Current();
    if (bridge == nullptr) return Fail(Code::kFailedPrecondition, "check bridge", name_, "it is not made");
    Result<> checked = bridge->Check();
    if (checked || bridge == Current()) return checked;
  }
}

Result<> BridgeNetwork::Lease(SandboxRecord& record) {
  MutexLock lock(mutex_);
  BridgePtr bridge = TRY(OpenBridge());
  std::vector<cni::IpAddress> addresses = TRY(bridge->AllocateAddresses());
  PodLease& lease = leases_[record.id] = {std::move(addresses), std::nullopt};
  for (const cni::IpAddress& address : lease.addresses) record.addresses.push_back(address.ToString());
  return {};
}

void BridgeNetwork::GiveBack(const std::string& id) {
  MutexLock lock(mutex_);
  auto lease = leases_.extract(id);
  if (!lease.empty() && bridge_ != nullptr) bridge_->ReleaseAddresses(lease.mapped().addresses);
}

Result<> BridgeNetwork::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                               SandboxRecord& record) {
  BridgePtr bridge = TRY(BridgeOf(record.id));
  std::vector<cni::PortMapping> ports = TRY(HostPorts(config));
  cni::Attachment attachment =
      TRY(bridge->Attach(record.id, netns_fd, TRY(ParseAddresses(record.addresses)), ports));
  record.host_interface = attachment.host_interface;
  record.mac = attachment.mac;
  return {};
}

// Without a bridge the interface still goes, with the pod's network namespace. Host ports stay until the
// bridge can be opened, for then every port goes that no lease has.
Result<Leftovers> BridgeNetwork::Detach(const runtime::v1::PodSandboxConfig& config,
                                        const SandboxRecord& record) {
  Leftovers left;
  cni::Attachment attachment = AttachmentOf(config, record, left);
  Result<BridgePtr> bridge = BridgeOf(record.id);
  if (bridge)
    TRY((*bridge)->Detach(record.id, attachment));
  else
    left.push_back(Within("detach pod", std::move(bridge).error()));
  return left;
}

// For a pod that has a lease, or had one. When there is no bridge, nothing of the pod is taken over later.
Result<BridgeNetwork::BridgePtr> BridgeNetwork::BridgeOf(const std::string& id) {
  MutexLock lock(mutex_);
  Result<BridgePtr> bridge = OpenBridge();
  auto lease = leases_.find(id);
  if (!bridge && lease != leases_.end()) lease->second.recovered.reset();
  return bridge;
}

Result<BridgeCounters> BridgeNetwork::Counters() {
  BridgePtr bridge = Current();
  if (bridge == nullptr) return {};
  return bridge->Counters();
}

std::vector<cni::Subnet> BridgeNetwork::subnets() const {
  MutexLock lock(mutex_);
  return config_.subnets;
}

Result<bool> BridgeNetwork::MoveTo(const std::vector<cni::Subnet>& subnets) {
  MutexLock lock(mutex_);
  if (subnets == config_.subnets) return true;
  if (!leases_.empty()) {
    if (std::ranges::includes(config_.subnets, subnets)) return false;
    return Fail(Code::kFailedPrecondition, "move bridge", name_,
                std::to_string(leases_.size()) + " pods have addresses of " + Join(config_.subnets) +
                    "; it can be moved when they are gone");
  }
  bool open = bridge_ != nullptr;
  TRY(Close());
  std::vector<cni::Subnet> old = std::exchange(config_.subnets, subnets);
  if (!open) return true;
  Result<BridgePtr> moved = OpenBridge();
  if (moved) return true;
  config_.subnets = old;
  (void)OpenBridge();  // a failure shows at the next attempt, or in Check
  return std::unexpected(std::move(moved).error());
}

}  // namespace davit::cri
