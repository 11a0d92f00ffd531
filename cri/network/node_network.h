// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's network: the CNI plugins of a configuration file if there is one, else the built-in bridge.
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

namespace davit::cri {

// The stored pod CIDR, which persists over restarts of the daemon.
struct PodCidrSetting {
  std::string value;  // at the start; empty: never set
  std::function<Result<>(const std::string&)> put;
};

// The directory of CNI configurations is read for every new pod, so a change applies from the next pod on; a
// pod keeps its network until its end. The bridge is created at the start or when the first pod needs it. It
// is removed when plugins are configured and no pod uses it: by the background check, when the next pod is
// created, or by SetPodCidr; never by a query.
//
// Detach succeeds although a plugin has failed in these cases: the plugin is not installed any more; it
// refuses, and it is not configured any more or the pod's network namespace is gone; or attempts have failed
// for `detach_patience`. The plugins' GC, which runs at every start of the daemon, removes what remains.
class NodeNetwork : public PodNetwork {
 public:
  struct Options {
    cni::BridgeConfig bridge;
    PluginPods::Options plugin_pods;
    NetworkHealth::Options health;                              // watched_dir is set by Open
    std::chrono::milliseconds detach_patience{15 * 60 * 1000};  // the kubelet retries every few seconds
    std::chrono::milliseconds first_look{1'000};                // how long Recover waits for the first check
  };

  // Uses the stored pod CIDR, if set, instead of the bridge's subnets in the options. A network that does not
  // work is not an error here; Check reports it. `log` must outlive the object.
  static Result<std::unique_ptr<NodeNetwork>> Open(Options options, PodCidrSetting pod_cidr,
                                                   const Logger& log);

  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) override;
  Result<> Choose(SandboxRecord& record) override;
  void GiveBack(const SandboxRecord& record) override;
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) override;
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) override;
  Result<BridgeCounters> Counters() override;
  std::vector<cni::LinkCounters> CountersOf(const std::string& id,
                                            const BridgeCounters& on_bridge) const override;
  Result<> Check() override;
  Result<> SetPodCidr(const std::string& pod_cidr) override;
  NetworkDescription Describe() override;

  // For tests: waits for a check that begins after this call; false if that takes longer than `patience`.
  bool AwaitLook(std::chrono::milliseconds patience) { return health_->AwaitLook(patience); }

 private:
  NodeNetwork(const Options& options, const cni::BridgeConfig& bridge, PodCidrSetting pod_cidr,
              const Logger& log);

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
  std::unique_ptr<NetworkHealth> health_;  // last member, because its thread uses the others
};

}  // namespace davit::cri
