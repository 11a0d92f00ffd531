// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's network: the built-in bridge, or the CNI plugins of a configuration file.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "cri/network/bridge_network.h"
#include "cri/network/detach_patience.h"
#include "cri/network/network_health.h"
#include "cri/network/plugin_pods.h"
#include "cri/network/pod_checks.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

// The mode decides which network a new pod gets; a pod keeps its network until its end, whatever the mode is
// then. Without that network (no valid configuration of plugins, no subnets for the bridge) the node is not
// ready and Choose fails. The directory of CNI configurations is read for every new pod (PluginSource), so a
// change applies from the next pod on. With mode kPlugins, a bridge that no pod uses is removed: by the
// background check or when the next pod is created; never by a query.
//
// Without a mode, pods get the bridge as long as there is no valid configuration of plugins: with one, the
// wanted network is in doubt, and there is none for new pods until the mode is set.
//
// Detach succeeds although a plugin has failed in these cases: the plugin is not installed any more; it
// refuses, and it is not configured any more or the pod's network namespace is gone; or attempts have failed
// for `detach_patience`. Every start of the daemon has the plugins remove what remains: DEL from the result
// cache, then GC.
//
// CHECK runs once after a start of the daemon, in the background, for each pod of plugins, and a failure is
// logged and described: somebody may have changed the network meanwhile. It never delays or fails a pod:
// right after ADD (CRI-O) it would repeat what ADD has just done, and containerd does without it.
class NodeNetwork : public PodNetwork {
 public:
  enum class Mode : uint8_t { kBridge, kPlugins };

  struct Options {
    std::optional<Mode> mode;  // as `[network] mode` of the configuration
    cni::BridgeConfig bridge;
    bool pod_cidr = false;  // the bridge's subnets are the pod CIDR, not those in `bridge`
    // The subnets in `bridge` are those of every node, which the configuration does not name: a stored pod
    // CIDR counts instead if pods have its addresses.
    bool default_subnets = false;
    StoredSetting address_mark;  // as in BridgeNetwork
    PluginPods::Options plugin_pods;
    NetworkHealth::Options health;                              // watched_dir is set by Open
    std::chrono::milliseconds detach_patience{15 * 60 * 1000};  // the kubelet retries every few seconds
    std::chrono::milliseconds first_look{1'000};                // how long Recover waits for the first check
  };

  // Uses the stored pod CIDR if the bridge's subnets are the pod CIDR. A network that does not
  // work is not an error here; Check reports it. `log` must outlive the object.
  static Result<std::unique_ptr<NodeNetwork>> Open(Options options, StoredSetting pod_cidr,
                                                   const Logger& log);

  ~NodeNetwork() override;

  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) override;
  Result<> Choose(SandboxRecord& record) override;
  void GiveBack(const SandboxRecord& record) override;
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) override;
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) override;
  void EnterPodsBy(Enter enter) override EXCLUDES(enter_mutex_);
  Result<BridgeCounters> Counters() override;
  std::vector<cni::LinkCounters> CountersOf(const std::string& id,
                                            const BridgeCounters& on_bridge) const override;
  Result<> Check() override;
  Result<> SetPodCidr(const std::string& pod_cidr) override;
  NetworkDescription Describe() override;

  // For tests: waits for a check that begins after this call; false if that takes longer than `patience`.
  bool AwaitLook(std::chrono::milliseconds patience) { return health_->AwaitLook(patience); }

 private:
  NodeNetwork(const Options& options, const cni::BridgeConfig& bridge, StoredSetting pod_cidr,
              const Logger& log);

  Result<> Look(int interrupt_fd);
  Result<> LookOnce(int interrupt_fd);
  Mode ModeInForce() const { return options_.mode.value_or(Mode::kBridge); }
  Result<> CheckMode();
  Result<> LookAtBridge();
  void Note(const cni::RepairReport& report) EXCLUDES(seen_mutex_);
  void CorrectMtu(const std::vector<std::string>& pods) EXCLUDES(enter_mutex_);
  void LogChanges(const cni::RepairReport& report);
  void LogRepairs(const std::vector<std::string>& repaired);
  Result<> LookAtPlugins(int interrupt_fd);
  void LogComplaint(const std::optional<Error>& complaint);
  void LogSkippedPorts(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record);
  void LogOtherCidr(const std::vector<cni::Subnet>& announced);
  void Retire();
  void UseFormerCidr(const std::vector<RecordedPod>& pods);
  void CollectPlugins(const std::vector<RecordedPod>& pods);
  void CheckPods(const std::vector<RecordedPod>& pods);
  NetworkDescription Seen() EXCLUDES(seen_mutex_);
  void NotePodProblem(const std::string& id, const std::string& problem) EXCLUDES(seen_mutex_);
  Result<> ChooseNetwork(SandboxRecord& record);
  Result<> AttachByPlugins(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record);
  Result<Leftovers> TakeDown(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                             PluginPods::Attempt attempt);

  const Options options_;
  const StoredSetting pod_cidr_;
  const Logger& log_;
  PluginPods plugin_pods_;
  BridgeNetwork bridge_;
  std::atomic<bool> recovered_ = false;
  std::string logged_complaint_;                         // of the thread of health_
  std::string logged_firewall_;                          // of the thread of health_
  std::vector<std::string> logged_lost_;                 // of the thread of health_
  std::map<std::string, std::string> logged_unlimited_;  // likewise
  Mutex seen_mutex_;
  // Only what the looks have seen; the rest is asked of its owner.
  NetworkDescription seen_ GUARDED_BY(seen_mutex_);
  Mutex enter_mutex_;
  Enter enter_ GUARDED_BY(enter_mutex_);
  DetachPatience patience_;
  // Last members, because their threads use the others.
  std::unique_ptr<NetworkHealth> health_;
  std::unique_ptr<PodChecks> checks_;  // of the pods at the start; null: there was none
};

}  // namespace davit::cri
