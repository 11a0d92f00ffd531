// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/node_network.h"

#include <algorithm>
#include <utility>

#include "cni/names.h"
#include "cri/network/interface_sysctls.h"
#include "cri/network/network_request.h"

namespace davit::cri {

Result<std::unique_ptr<NodeNetwork>> NodeNetwork::Open(Options options, PodCidrSetting pod_cidr,
                                                       const Logger& log) {
  cni::BridgeConfig bridge = options.bridge;
  Result<std::vector<cni::Subnet>> announced = ParsePodCidr(pod_cidr.value);
  if (!announced) {
    log.Log(LogLevel::kWarning, "the recorded pod CIDR is unreadable; the bridge uses the configured subnets",
            {{"error", announced.error().ToString()}});
  } else if (!announced->empty()) {
    bridge.subnets = std::move(*announced);
  }
  options.health.watched_dir = options.plugin_pods.plugins.conf_dir;
  std::unique_ptr<NodeNetwork> network(new NodeNetwork(options, bridge, std::move(pod_cidr), log));
  auto look = [node = network.get()](int interrupt_fd) { return node->Look(interrupt_fd); };
  network->health_ = TRY(NetworkHealth::Start(options.health, look));
  return network;
}

NodeNetwork::NodeNetwork(const Options& options, const cni::BridgeConfig& bridge, PodCidrSetting pod_cidr,
                         const Logger& log)
    : options_(options),
      pod_cidr_(std::move(pod_cidr)),
      log_(log),
      plugin_pods_(options.plugin_pods),
      bridge_(bridge),
      patience_(options.detach_patience) {}

std::map<std::string, Error> NodeNetwork::Recover(const std::vector<RecordedPod>& pods) {
  bridge_.Recover(pods);
  if (bridge_.HasLeases()) (void)bridge_.Open();  // a failure is found again by Look
  CollectPlugins(pods);
  std::map<std::string, Error> problems = bridge_.TakeProblems();
  recovered_ = true;
  health_->AwaitLook(options_.first_look);
  return problems;
}

void NodeNetwork::CollectPlugins(const std::vector<RecordedPod>& pods) {
  if (!plugin_pods_.InForce()) return;  // none, or a file that Look complains about
  std::vector<std::string> live;
  for (const RecordedPod& pod : pods)
    if (pod.record.plugins) live.push_back(pod.record.id);
  if (Result<> collected = plugin_pods_.Collect(live); !collected)
    log_.Log(LogLevel::kWarning, "network plugins did not clean up",
             {{"error", collected.error().ToString()}});
}

// On the thread of health_. Keeps the bridge as the configuration wants it, and judges.
Result<> NodeNetwork::Look(int interrupt_fd) {
  // A bridge that is opened before the pods are known would lose them.
  if (!recovered_) return Fail(Code::kUnavailable, "check network", "", "pods are not recovered yet");
  Result<cni::PluginList> plugins = plugin_pods_.InForce();
  bool bridge_is_next = !plugins && plugins.error().code == Code::kNotFound;
  Result<> opened;
  if (bridge_is_next || bridge_.HasLeases()) opened = bridge_.Open();
  for (const auto& [id, problem] : bridge_.TakeProblems())
    log_.Log(LogLevel::kError, "pod not taken over by its bridge",
             {{"sandbox", id}, {"error", problem.ToString()}});
  if (plugins) {
    Retire();
    return plugin_pods_.Check(interrupt_fd);
  }
  if (!bridge_is_next) return std::unexpected(std::move(plugins).error());
  TRY(std::move(opened));
  return bridge_.Check();
}

// Plugins are in force: a bridge without pods would only be in their way, with the very pod CIDR perhaps.
void NodeNetwork::Retire() {
  if (Result<> closed = bridge_.Retire(); !closed)
    log_.Log(LogLevel::kWarning, "bridge not removed", {{"error", closed.error().ToString()}});
}

Result<> NodeNetwork::Choose(SandboxRecord& record) {
  Result<> chosen = ChooseNetwork(record);
  if (!chosen) health_->LookAgain();
  return chosen;
}

Result<> NodeNetwork::ChooseNetwork(SandboxRecord& record) {
  Result<cni::PluginList> plugins = plugin_pods_.InForce();
  if (plugins) {
    Retire();
    record.plugins = PluginLease{plugins->file, plugins->text, ""};
    return {};
  }
  if (plugins.error().code != Code::kNotFound) return std::unexpected(std::move(plugins).error());
  return bridge_.Lease(record);
}

void NodeNetwork::GiveBack(const SandboxRecord& record) {
  bridge_.GiveBack(record.id);
  patience_.Forget(record.id);
}

Result<> NodeNetwork::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                             SandboxRecord& record) {
  Result<> attached = record.plugins ? plugin_pods_.Attach(config, netns_fd, record)
                                     : bridge_.Attach(config, netns_fd, record);
  if (!attached) {
    health_->LookAgain();
    return attached;
  }
  return WriteInterfaceSysctls(config, netns_fd);
}

Result<Leftovers> NodeNetwork::Detach(const runtime::v1::PodSandboxConfig& config,
                                      const SandboxRecord& record) {
  bool last = patience_.IsOver(record.id);
  Result<Leftovers> down =
      TakeDown(config, record, last ? PluginPods::Attempt::kLast : PluginPods::Attempt::kMayRepeat);
  if (!down && last) return Leftovers{std::move(down).error()};
  if (!down) {
    patience_.Failed(record.id);
    health_->LookAgain();
  }
  return down;
}

Result<Leftovers> NodeNetwork::TakeDown(const runtime::v1::PodSandboxConfig& config,
                                        const SandboxRecord& record, PluginPods::Attempt attempt) {
  if (record.plugins) return plugin_pods_.Detach(config, record, attempt);
  return IsOnBridge(record) ? bridge_.Detach(config, record) : Leftovers();
}

Result<BridgeCounters> NodeNetwork::Counters() {
  return bridge_.Counters();
}

std::vector<cni::LinkCounters> NodeNetwork::CountersOf(const std::string& id,
                                                       const BridgeCounters& on_bridge) const {
  auto found = on_bridge.find(cni::HostInterfaceName(bridge_.name(), id));
  return found != on_bridge.end() ? std::vector{found->second} : plugin_pods_.Counters(id);
}

Result<> NodeNetwork::Check() {
  return health_->Last();
}

Result<> NodeNetwork::SetPodCidr(const std::string& pod_cidr) {
  std::vector<cni::Subnet> wanted = TRY(ParsePodCidr(pod_cidr));
  if (wanted.empty()) return {};  // the node has none yet
  if (plugin_pods_.InForce()) TRY(bridge_.Retire());
  Result<bool> moved = bridge_.MoveTo(wanted);
  health_->LookAgain();
  if (!moved) return std::unexpected(Within("set pod CIDR " + pod_cidr, std::move(moved).error()));
  return *moved ? pod_cidr_.put(Join(wanted)) : Result<>{};
}

NetworkDescription NodeNetwork::Describe() {
  NetworkDescription description;
  if (Result<cni::PluginList> plugins = plugin_pods_.InForce()) {
    description.plugin_file = plugins->file;
    description.plugin_network = plugins->name;
  }
  description.bridge = bridge_.name();
  for (const cni::Subnet& subnet : bridge_.subnets()) description.subnets.push_back(subnet.ToString());
  return description;
}

}  // namespace davit::cri
