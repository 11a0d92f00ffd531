// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's network: the plugins that a configuration file names, else the built-in bridge.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "cri/network/bridge_network.h"
#include "cri/network/detach_patience.h"
#include "cri/network/network_health.h"
#include "cri/network/plugin_pods.h"
#include "cri/network/pod_network.h"

namespace davit {

// The pod CIDR as the daemon keeps it over a restart.
struct PodCidrSetting {
  std::string value;  // at the start; empty: none was ever set
  std::function<Result<>(const std::string&)> put;
};

// The directory of configurations is looked at again for every pod, so what is put there counts from the next
// pod on; a pod keeps the network that it was made with, to its end. The bridge is made at the start or when
// the first pod needs it, and goes when plugins are in force and it has no pods: by the thread that looks
// after the network, or for the next pod, never by asking.
//
// A pod comes down without its plugin's consent when the plugin is not installed any more; when the plugin
// refuses and is not in force any more or the pod's network namespace is gone; and when attempts have failed
// for `detach_patience`. What is left behind is for the plugins' GC, which every start of the daemon runs.
class NodeNetwork : public PodNetwork {
 public:
  struct Options {
    BridgeConfig bridge;
    PluginPods::Options plugin_pods;
    NetworkHealth::Options health;                              // watched_dir is filled in
    std::chrono::milliseconds detach_patience{15 * 60 * 1000};  // kubelets ask again every few seconds
    std::chrono::milliseconds first_look{1'000};  // Recover waits as long for the first judgement
  };

  // Uses the pod CIDR, when there is one, instead of the bridge's subnets in the options. A network that does
  // not work is no error: Check tells. `log` outlives the object.
  static Result<std::unique_ptr<NodeNetwork>> Open(Options options, PodCidrSetting pod_cidr,
                                                   const Logger& log);

  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) override;
  Result<> Choose(SandboxRecord& record) override;
  void GiveBack(const SandboxRecord& record) override;
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) override;
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) override;
  Result<BridgeCounters> Counters() override;
  std::vector<LinkCounters> CountersOf(const std::string& id, const BridgeCounters& on_bridge) const override;
  Result<> Check() override;
  Result<> SetPodCidr(const std::string& pod_cidr) override;
  NetworkDescription Describe() override;

  // Waits until what has happened so far is judged; false when `patience` is over. For tests.
  bool AwaitLook(std::chrono::milliseconds patience) { return health_->AwaitLook(patience); }

 private:
  NodeNetwork(const Options& options, const BridgeConfig& bridge, PodCidrSetting pod_cidr, const Logger& log);

  Result<> Look(int interrupt_fd);
  void Retire();
  void CollectPlugins(const std::vector<RecordedPod>& pods);
  Result<> ChooseNetwork(SandboxRecord& record);
  Result<Leftovers> TakeDown(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                             PluginPods::Attempt attempt);

  const Options options_;
  const PodCidrSetting pod_cidr_;
  const Logger& log_;
  const PluginPods plugin_pods_;
  BridgeNetwork bridge_;
  std::atomic<bool> recovered_ = false;
  DetachPatience patience_;
  std::unique_ptr<NetworkHealth> health_;  // the last member: its thread uses the others
};

}  // namespace davit
