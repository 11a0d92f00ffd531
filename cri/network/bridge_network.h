// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network of pods on the built-in bridge.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cni/bridge.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

// Whether the record's network is on the bridge.
bool IsOnBridge(const SandboxRecord& record);

// Thread-safe. The bridge is created on first use and removed only while no pod has a lease. Opening the
// bridge takes over the pods of an earlier process, even if it happens late.
class BridgeNetwork {
 public:
  using Problems = std::map<std::string, Error>;  // by sandbox id

  explicit BridgeNetwork(const cni::BridgeConfig& config);

  // Restores the leases of the pods that are on the bridge; does not access the kernel. Called once, before
  // any other method.
  void Recover(const std::vector<RecordedPod>& pods) EXCLUDES(mutex_);
  // The recovered pods that cannot continue, as found since the last call.
  Problems TakeProblems() EXCLUDES(mutex_);

  // Creates the bridge or takes over the existing one, together with the recovered pods. No-op if it is open.
  Result<> Open() EXCLUDES(mutex_);
  // Removes the bridge unless a pod has a lease. Idempotent.
  Result<> Retire() EXCLUDES(mutex_);
  // Whether the bridge is open and works. Changes nothing.
  Result<> Check() EXCLUDES(mutex_);
  bool HasLeases() const EXCLUDES(mutex_);

  // As in PodNetwork, where Lease is called Choose. Lease, Attach and Detach open the bridge if necessary.
  Result<> Lease(SandboxRecord& record) EXCLUDES(mutex_);
  void GiveBack(const std::string& id) EXCLUDES(mutex_);
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<BridgeCounters> Counters() EXCLUDES(mutex_);

  // Moves an open bridge to these subnets; if that fails, the bridge keeps the old ones. A bridge that is not
  // open gets them when it is opened. While pods have leases nothing is moved: returns false if the current
  // subnets include these, else kFailedPrecondition. True if the bridge has exactly these subnets.
  Result<bool> MoveTo(const std::vector<cni::Subnet>& subnets) EXCLUDES(mutex_);

  const std::string& name() const { return name_; }
  std::vector<cni::Subnet> subnets() const EXCLUDES(mutex_);

 private:
  using BridgePtr = std::shared_ptr<cni::Bridge>;

  struct PodLease {
    std::vector<cni::IpAddress> addresses;
    // The attachment made by an earlier process, until the bridge takes it over.
    std::optional<cni::Attachment> recovered;
  };

  void RecoverPod(const RecordedPod& pod) REQUIRES(mutex_);
  Result<BridgePtr> OpenBridge() REQUIRES(mutex_);
  Result<> TakeOverPods(cni::Bridge& bridge) REQUIRES(mutex_);
  std::vector<cni::IpAddress> Reserve(cni::Bridge& bridge, const std::string& id, const PodLease& lease)
      REQUIRES(mutex_);
  Result<BridgePtr> BridgeOf(const std::string& id) EXCLUDES(mutex_);
  BridgePtr Current() const EXCLUDES(mutex_);
  Result<> Close() REQUIRES(mutex_);

  const std::string name_;
  mutable Mutex mutex_;
  cni::BridgeConfig config_ GUARDED_BY(mutex_);  // subnets sorted
  BridgePtr bridge_ GUARDED_BY(mutex_);
  std::map<std::string, PodLease> leases_ GUARDED_BY(mutex_);  // by sandbox id
  Problems problems_ GUARDED_BY(mutex_);                       // not taken yet
};

}  // namespace davit::cri
