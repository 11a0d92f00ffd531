// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/bridge_network.h"

#include <net/if.h>

#include <algorithm>
#include <utility>

#include "cri/network/bandwidth_limits.h"
#include "cri/network/network_request.h"

namespace davit::cri {
namespace {

Result<cni::TrafficLimits> LimitsOf(const runtime::v1::PodSandboxConfig& config) {
  BandwidthLimits limits = TRY(BandwidthOf(config));
  return cni::TrafficLimits{{limits.ingress.value_or(0)}, {limits.egress.value_or(0)}};
}

// What the record says of an attachment; what of it cannot be read goes into `unreadable`.
cni::Attachment AttachmentOf(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                             std::vector<Error>& unreadable) {
  cni::Attachment attachment{{}, record.host_interface, record.mac, {}};
  // A former version has made pods with annotations that cannot be read.
  attachment.limits = LimitsOf(config).value_or(cni::TrafficLimits());
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

bool AnyContains(const std::vector<cni::Subnet>& subnets, const cni::IpAddress& address) {
  return std::ranges::any_of(subnets, [&](const cni::Subnet& subnet) { return subnet.Contains(address); });
}

}  // namespace

bool IsOnBridge(const SandboxRecord& record) {
  return !record.plugins && !record.addresses.empty();
}

BridgeNetwork::BridgeNetwork(const cni::BridgeConfig& config, StoredSetting address_mark,
                             std::function<void()> on_disturbance)
    : name_(config.name),
      address_mark_(std::move(address_mark)),
      on_disturbance_(std::move(on_disturbance)),
      config_(config) {
  std::ranges::sort(config_.subnets);
  config_.resume_at = ParseAddressList(address_mark_.value).value_or(std::vector<cni::IpAddress>());
}

void BridgeNetwork::StopWatching() {
  MutexLock lock(mutex_);
  on_disturbance_ = nullptr;
  if (bridge_ != nullptr) bridge_->StopWatching();
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
  lease.addresses = attachment.addresses;
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
  if (config_.subnets.empty())
    return refused_cidr_ ? std::unexpected(*refused_cidr_)
                         : Fail(Code::kUnavailable, "make bridge", name_,
                                "its subnets are the node's pod CIDR, which the kubelet has not sent yet");
  TRY(CheckRecovered());
  BridgePtr bridge = TRY(cni::Bridge::Open(config_));
  TRY(TakeOverPods(*bridge));
  if (on_disturbance_) TRY(bridge->Watch(on_disturbance_));
  bridge_ = std::move(bridge);
  before_mark_ = 0;
  return bridge_;
}

// A bridge of other subnets would take the gateway from these pods. One without an interface (the host was
// rebooted) has nothing to lose.
Result<> BridgeNetwork::CheckRecovered() const {
  for (const auto& [id, lease] : leases_) {
    if (!lease.recovered || if_nametoindex(lease.recovered->host_interface.c_str()) == 0) continue;
    auto outside =
        std::ranges::find_if(lease.addresses, [subnets = config_.subnets](const cni::IpAddress& address) {
          return !AnyContains(subnets, address);
        });
    if (outside != lease.addresses.end())
      return Fail(Code::kFailedPrecondition, "make bridge", name_,
                  "pod " + id + " runs with the address " + outside->ToString() +
                      ", which is in none of the subnets " + Join(config_.subnets) +
                      ": until such pods are gone, [network.bridge] subnets must contain it");
  }
  return {};
}

bool BridgeNetwork::HasLeasesOf(const std::vector<cni::Subnet>& subnets) const {
  return std::ranges::any_of(leases_, [&](const auto& lease) {
    return std::ranges::any_of(lease.second.addresses,
                               [&](const cni::IpAddress& address) { return AnyContains(subnets, address); });
  });
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
  if (!leases_.empty()) return {};
  if (bridge_ == nullptr && may_have_remains_ && TRY(cni::Bridge::Exists(config_))) TRY(OpenBridge());
  TRY(Close());
  may_have_remains_ = false;
  return {};
}

BridgeNetwork::BridgePtr BridgeNetwork::Current() const {
  MutexLock lock(mutex_);
  return bridge_;
}

std::optional<cni::BridgeState> BridgeNetwork::State() const {
  BridgePtr bridge = Current();
  return bridge == nullptr ? std::nullopt : std::optional(bridge->State());
}

Result<> BridgeNetwork::SetPodMtu(const std::string& id, Result<UniqueFd> netns) {
  UniqueFd fd = TRY(std::move(netns));
  BridgePtr bridge = Current();
  return bridge == nullptr ? Result<>() : bridge->SetPodMtu(id, fd.get());
}

bool BridgeNetwork::HasLeases() const {
  MutexLock lock(mutex_);
  return !leases_.empty();
}

// Without the lock: pods come and go meanwhile. A bridge that was closed under the repair is none to judge.
Result<cni::RepairReport> BridgeNetwork::Reconcile() {
  while (true) {
    BridgePtr bridge = Current();
    if (bridge == nullptr) return Fail(Code::kFailedPrecondition, "repair bridge", name_, "it is not made");
    Result<cni::RepairReport> report = bridge->Reconcile();
    if (report || bridge == Current()) return report;
  }
}

Result<> BridgeNetwork::Lease(SandboxRecord& record) {
  MutexLock lock(mutex_);
  BridgePtr bridge = TRY(OpenBridge());
  std::vector<cni::IpAddress> addresses =
      TRY(bridge->AllocateAddresses(TRY(ParseAddresses(record.addresses))));
  MoveMark(addresses);
  PodLease& lease = leases_[record.id] = {std::move(addresses), std::nullopt};
  record.addresses.clear();
  for (const cni::IpAddress& address : lease.addresses) record.addresses.push_back(address.ToString());
  return {};
}

// One write for many pods: the next process starts some addresses further on than needed. Without the write
// (the disk is full) it starts at an older mark and reuses addresses earlier, which is no reason to fail a
// pod.
void BridgeNetwork::MoveMark(const std::vector<cni::IpAddress>& allocated) {
  constexpr uint64_t kStep = 32;
  if (before_mark_ > 0) {
    --before_mark_;
  } else if (address_mark_.put(JoinAddresses(bridge_->Behind(allocated, kStep)))) {
    before_mark_ = kStep - 1;
  }
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
  cni::Attachment attachment = TRY(bridge->Attach(record.id, netns_fd, TRY(ParseAddresses(record.addresses)),
                                                  ports, TRY(LimitsOf(config))));
  record.host_interface = std::move(attachment.host_interface);
  record.mac = std::move(attachment.mac);
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
  if (HasLeasesOf(config_.subnets)) {
    if (std::ranges::includes(config_.subnets, subnets)) return false;
    return Fail(Code::kFailedPrecondition, "move bridge", name_,
                "pods have addresses of " + Join(config_.subnets) + "; it can be moved when they are gone");
  }
  bool wanted = bridge_ != nullptr || config_.subnets.empty();
  TRY(Close());
  std::vector<cni::Subnet> old = std::exchange(config_.subnets, subnets);
  if (!wanted) return true;
  Result<BridgePtr> moved = OpenBridge();
  refused_cidr_.reset();
  if (moved) return true;
  config_.subnets = old;
  refused_cidr_ = Error{moved.error()};
  refused_cidr_->context =
      "the pod CIDR " + Join(subnets) + " was sent, but refused: " + moved.error().ToString();
  if (!old.empty()) (void)OpenBridge();  // a failure shows at the next attempt, or in Check
  return std::unexpected(std::move(moved).error());
}

}  // namespace davit::cri
