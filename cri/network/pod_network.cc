// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/pod_network.h"

#include <algorithm>

#include "cri/network/network_request.h"

namespace davit {
namespace {

constexpr char kPodCidrSetting[] = "pod_cidr";

bool IsOnBridge(const SandboxRecord& record) {
  return !record.plugins && !record.addresses.empty();
}

std::string Join(const std::vector<Subnet>& subnets) {
  std::string text;
  for (const Subnet& subnet : subnets) text += (text.empty() ? "" : ",") + subnet.ToString();
  return text;
}

Result<Attachment> AttachmentOf(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) {
  Attachment attachment;
  attachment.addresses = TRY(ParseAddresses(record.addresses));
  attachment.host_interface = record.host_interface;
  attachment.mac = record.mac;
  // Ports were opened by an attach that succeeded; a refused one may have failed because of them.
  if (!record.host_interface.empty()) attachment.ports = TRY(HostPorts(config));
  return attachment;
}

}  // namespace

Result<std::unique_ptr<PodNetwork>> PodNetwork::Open(Options options, Records& records, const Logger& log) {
  std::unique_ptr<PodNetwork> network(new PodNetwork(std::move(options), records, log));
  std::vector<Subnet> announced = TRY(ParsePodCidr(TRY(records.Setting(kPodCidrSetting))));
  MutexLock lock(network->mutex_);
  network->subnets_ = announced.empty() ? network->options_.bridge.subnets : announced;
  std::ranges::sort(network->subnets_);
  return network;
}

Result<> PodNetwork::Recover(const std::vector<SandboxPtr>& sandboxes) {
  TRY(RecoverBridge(sandboxes));
  CollectPlugins(sandboxes);
  return {};
}

Result<> PodNetwork::RecoverBridge(const std::vector<SandboxPtr>& sandboxes) {
  std::set<std::string> live;
  std::vector<Attachment> attachments;
  MutexLock lock(mutex_);
  for (const SandboxPtr& sandbox : sandboxes) {
    SandboxRecord record = sandbox->record().Get();
    if (!IsOnBridge(record)) continue;
    BridgePtr bridge = TRY(OpenBridge());
    TRY(bridge->ReserveAddresses(TRY(ParseAddresses(record.addresses))));
    leases_.insert(record.id);
    // Without an interface in its record it was never finished, and goes away when its sandbox is reconciled.
    if (record.host_interface.empty()) continue;
    live.insert(record.id);
    attachments.push_back(TRY(AttachmentOf(sandbox->config(), record)));
  }
  Result<PluginNetwork> plugins = PluginNetwork::Load(options_.plugins);
  bool bridge_is_next = !plugins && plugins.error().code == Code::kNotFound;
  if (bridge_is_next) TRY(OpenBridge());  // what is wrong with it shows at the start, not with the first pod
  return bridge_ == nullptr ? Result<>{} : bridge_->Collect(live, attachments);
}

Result<PodNetwork::BridgePtr> PodNetwork::OpenBridge() {
  if (bridge_ != nullptr) return bridge_;
  BridgeConfig config = options_.bridge;
  config.subnets = subnets_;
  bridge_ = TRY(Bridge::Open(config));
  return bridge_;
}

// For a pod that has a lease, or had one.
Result<PodNetwork::BridgePtr> PodNetwork::BridgeOfLease() {
  MutexLock lock(mutex_);
  return OpenBridge();
}

Result<> PodNetwork::Choose(SandboxRecord& record) {
  Result<PluginNetwork> plugins = PluginNetwork::Load(options_.plugins);
  if (plugins) {
    RetireBridge();
    record.plugins = PluginLease{plugins->list().file, plugins->list().text, ""};
    return {};
  }
  if (plugins.error().code != Code::kNotFound) return std::unexpected(std::move(plugins).error());
  MutexLock lock(mutex_);
  BridgePtr bridge = TRY(OpenBridge());
  for (const IpAddress& address : TRY(bridge->AllocateAddresses()))
    record.addresses.push_back(address.ToString());
  leases_.insert(record.id);
  return {};
}

void PodNetwork::GiveBack(const SandboxRecord& record) {
  if (!IsOnBridge(record)) return;
  MutexLock lock(mutex_);
  leases_.erase(record.id);
  Result<std::vector<IpAddress>> addresses = ParseAddresses(record.addresses);
  if (bridge_ != nullptr && addresses) bridge_->ReleaseAddresses(*addresses);
}

Result<> PodNetwork::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                            SandboxRecord& record) {
  return record.plugins ? AttachByPlugins(config, netns_fd, record)
                        : AttachToBridge(config, netns_fd, record);
}

Result<> PodNetwork::Detach(Sandbox& sandbox) {
  SandboxRecord record = sandbox.record().Get();
  if (record.plugins) return DetachByPlugins(sandbox, record);
  return IsOnBridge(record) ? DetachFromBridge(sandbox, record) : Result<>{};
}

Result<> PodNetwork::AttachToBridge(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                                    SandboxRecord& record) {
  BridgePtr bridge = TRY(BridgeOfLease());
  std::vector<PortMapping> ports = TRY(HostPorts(config));
  Attachment attachment =
      TRY(bridge->Attach(record.id, netns_fd, TRY(ParseAddresses(record.addresses)), ports));
  record.host_interface = attachment.host_interface;
  record.mac = attachment.mac;
  return {};
}

Result<> PodNetwork::DetachFromBridge(Sandbox& sandbox, const SandboxRecord& record) {
  BridgePtr bridge = TRY(BridgeOfLease());
  TRY(bridge->Detach(record.id, TRY(AttachmentOf(sandbox.config(), record))));
  // The lease ends in the record before anyone else can get the addresses.
  TRY(sandbox.record().Change([](SandboxRecord& r) { r.addresses.clear(); }));
  GiveBack(record);
  return {};
}

Result<BridgeCounters> PodNetwork::Counters() {
  BridgePtr bridge;
  {
    MutexLock lock(mutex_);
    bridge = bridge_;
  }
  if (bridge == nullptr) return {};
  return bridge->Counters();
}

std::vector<LinkCounters> PodNetwork::CountersOf(const SandboxRecord& record,
                                                 const BridgeCounters& on_bridge) const {
  if (record.plugins) return CountersInside(record.id).value_or(std::vector<LinkCounters>());
  auto found = on_bridge.find(record.host_interface);
  return found == on_bridge.end() ? std::vector<LinkCounters>() : std::vector{found->second};
}

Result<> PodNetwork::Check() {
  Result<PluginNetwork> plugins = PluginNetwork::Load(options_.plugins);
  if (plugins) {
    RetireBridge();
    return plugins->Check();
  }
  if (plugins.error().code != Code::kNotFound) return std::unexpected(std::move(plugins).error());
  MutexLock lock(mutex_);
  return TRY(OpenBridge())->Check();
}

Result<> PodNetwork::SetPodCidr(const std::string& pod_cidr) {
  std::vector<Subnet> wanted = TRY(ParsePodCidr(pod_cidr));
  MutexLock lock(mutex_);
  if (wanted.empty()) return {};  // the node has none yet
  if (wanted != subnets_) {
    if (!leases_.empty() && std::ranges::includes(subnets_, wanted)) return {};
    if (!leases_.empty()) {
      return Fail(Code::kFailedPrecondition, "set pod CIDR", pod_cidr,
                  std::to_string(leases_.size()) + " pods have addresses of " + Join(subnets_) +
                      "; it can be changed when they are gone");
    }
    TRY(Move(wanted));
  }
  return records_.PutSetting(kPodCidrSetting, Join(wanted));
}

// From the old subnets to these; back when they cannot be had, because the host uses them otherwise.
Result<> PodNetwork::Move(const std::vector<Subnet>& subnets) {
  bool open = bridge_ != nullptr;
  TRY(CloseBridge());
  std::vector<Subnet> old = std::exchange(subnets_, subnets);
  bool plugins_in_charge = PluginNetwork::Load(options_.plugins).has_value();
  if (!open || plugins_in_charge) return {};
  Result<BridgePtr> moved = OpenBridge();
  if (moved) return {};
  subnets_ = old;
  (void)OpenBridge();  // the next pod asks again, and gets the error
  return std::unexpected(std::move(moved).error());
}

Result<> PodNetwork::CloseBridge() {
  if (bridge_ != nullptr) TRY(bridge_->Destroy());
  bridge_.reset();
  return {};
}

// Plugins are in charge: a bridge without pods would only be in their way, with the very pod CIDR perhaps.
void PodNetwork::RetireBridge() {
  MutexLock lock(mutex_);
  if (!leases_.empty()) return;
  if (Result<> closed = CloseBridge(); !closed)
    log_.Log(LogLevel::kWarning, "bridge not removed", {{"error", closed.error().ToString()}});
}

PodNetwork::Description PodNetwork::Describe() {
  Description description;
  if (Result<PluginNetwork> plugins = PluginNetwork::Load(options_.plugins)) {
    description.plugin_file = plugins->list().file;
    description.plugin_network = plugins->list().name;
  }
  MutexLock lock(mutex_);
  description.bridge = options_.bridge.name;
  for (const Subnet& subnet : subnets_) description.subnets.push_back(subnet.ToString());
  return description;
}

}  // namespace davit
