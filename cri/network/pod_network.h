// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What gives pods their network: the plugins that a configuration file names, else the built-in bridge.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "cni/bridge.h"
#include "cni/plugin.h"
#include "cri/pods/pod_records.h"
#include "cri/pods/pod_table.h"
#include "cri/records/records.h"

namespace davit {

using BridgeCounters = std::map<std::string, LinkCounters>;

// Thread-safe. The directory of configurations is looked at again for every pod, so what is put there counts
// from the next pod on; a pod keeps the network that it was made with, to its end. The bridge is made when
// the first pod needs it, and goes when plugins are there and it has no pods. The methods take pods that have
// a network of their own.
class PodNetwork {
 public:
  struct Options {
    BridgeConfig bridge;
    PluginNetwork::Options plugins;
    std::string pin_dir = "/run/netns";  // plugins get a path to the pod's network namespace: in here
  };

  // Uses the pod CIDR in `records`, when there is one, instead of the bridge's subnets in the options. Both
  // references outlive the object.
  static Result<std::unique_ptr<PodNetwork>> Open(Options options, Records& records, const Logger& log);

  // Takes over what the pods in the records have, and collects what nobody has. Once, before pods come or go.
  Result<> Recover(const std::vector<SandboxPtr>& sandboxes);

  // Decides on the pod's network and writes it into the record: addresses of the bridge, or plugins. The
  // caller puts the record into the database before Attach, or gives it back.
  Result<> Choose(SandboxRecord& record);
  void GiveBack(const SandboxRecord& record);

  // Makes the network in the pod's namespace and completes the record with what there is then. On failure
  // Detach takes away what is left.
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record);

  // The way back, record included. Idempotent, and needs nothing of the pod.
  Result<> Detach(Sandbox& sandbox);

  // What went through the interfaces of the pods on the bridge, by the name of the host interface: one
  // question for all of them.
  Result<BridgeCounters> Counters();
  // What went through the pod's interfaces, as it sees them, eth0 first. Pods of plugins are looked at from
  // inside, one by one. Nothing when the pod is gone.
  std::vector<LinkCounters> CountersOf(const SandboxRecord& record, const BridgeCounters& on_bridge) const;

  // Whether a pod would get a network now.
  Result<> Check();

  // The pod CIDRs of this node, as the kubelet sends them, become the bridge's subnets, now and after a
  // restart. While pods are on the bridge that is kFailedPrecondition, unless it has all of them already.
  Result<> SetPodCidr(const std::string& pod_cidr);

  // For people: what a pod made now would be on.
  struct Description {
    std::string plugin_file;  // empty: the bridge
    std::string plugin_network;
    std::string bridge;
    std::vector<std::string> subnets;
  };
  Description Describe();

 private:
  PodNetwork(Options options, Records& records, const Logger& log)
      : options_(std::move(options)), records_(records), log_(log) {}

  using BridgePtr = std::shared_ptr<Bridge>;
  Result<BridgePtr> OpenBridge() REQUIRES(mutex_);
  Result<BridgePtr> BridgeOfLease();
  Result<> CloseBridge() REQUIRES(mutex_);
  void RetireBridge();
  Result<> Move(const std::vector<Subnet>& subnets) REQUIRES(mutex_);
  Result<> RecoverBridge(const std::vector<SandboxPtr>& sandboxes);
  void CollectPlugins(const std::vector<SandboxPtr>& sandboxes);

  Result<> AttachToBridge(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record);
  Result<> DetachFromBridge(Sandbox& sandbox, const SandboxRecord& record);
  Result<> AttachByPlugins(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record);
  Result<> DetachByPlugins(Sandbox& sandbox, const SandboxRecord& record);
  Result<std::vector<LinkCounters>> CountersInside(const std::string& id) const;
  Result<PluginNetwork> PluginsOf(const SandboxRecord& record) const;
  Result<PluginPod> PluginPodOf(const runtime::v1::PodSandboxConfig& config, const std::string& id) const;

  const Options options_;
  Records& records_;
  const Logger& log_;
  Mutex mutex_;
  std::vector<Subnet> subnets_ GUARDED_BY(mutex_);
  // Closed only while nobody has a lease.
  BridgePtr bridge_ GUARDED_BY(mutex_);
  std::set<std::string> leases_ GUARDED_BY(mutex_);  // ids of sandboxes
};

}  // namespace davit
