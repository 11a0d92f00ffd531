// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods on the built-in bridge.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cni/bridge.h"
#include "cri/network/pod_network.h"

namespace davit {

// Whether the record's network is on the bridge.
bool IsOnBridge(const SandboxRecord& record);

// Thread-safe. The bridge is made when it is needed first and closed only while no pod has a lease. The pods
// of an earlier process are taken over when the bridge is opened, however late that is.
class BridgeNetwork {
 public:
  using Problems = std::map<std::string, Error>;  // by sandbox id

  explicit BridgeNetwork(const BridgeConfig& config);

  // Restores the leases of the pods that are on the bridge; the kernel is not touched. Once, before any other
  // call.
  void Recover(const std::vector<RecordedPod>& pods) EXCLUDES(mutex_);
  // Recovered pods that cannot go on as they are, as far as it has turned out since the last call.
  Problems TakeProblems() EXCLUDES(mutex_);

  // Makes the bridge, or takes it over, and with it the recovered pods; nothing happens when it is open.
  Result<> Open() EXCLUDES(mutex_);
  // Removes the bridge unless a pod has a lease. Idempotent.
  Result<> Retire() EXCLUDES(mutex_);
  // Whether the bridge is open and works. Changes nothing.
  Result<> Check() EXCLUDES(mutex_);
  bool HasLeases() const EXCLUDES(mutex_);

  // As PodNetwork's; Lease is Choose. They open the bridge when it is not open.
  Result<> Lease(SandboxRecord& record) EXCLUDES(mutex_);
  void GiveBack(const std::string& id) EXCLUDES(mutex_);
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<BridgeCounters> Counters() EXCLUDES(mutex_);

  // An open bridge moves to these subnets, or stays as it is on failure; one that is not open will have them.
  // While pods have leases nothing is moved: then false says that these are among the present subnets, and
  // kFailedPrecondition that they are not.
  Result<bool> MoveTo(const std::vector<Subnet>& subnets) EXCLUDES(mutex_);

  const std::string& name() const { return name_; }
  std::vector<Subnet> subnets() const EXCLUDES(mutex_);

 private:
  using BridgePtr = std::shared_ptr<Bridge>;

  struct PodLease {
    std::vector<IpAddress> addresses;
    // What an earlier process attached, until this one has taken it over.
    std::optional<Attachment> recovered;
  };

  void RecoverPod(const RecordedPod& pod) REQUIRES(mutex_);
  Result<BridgePtr> OpenBridge() REQUIRES(mutex_);
  Result<> TakeOverPods(Bridge& bridge) REQUIRES(mutex_);
  std::vector<IpAddress> Reserve(Bridge& bridge, const std::string& id, const PodLease& lease)
      REQUIRES(mutex_);
  Result<BridgePtr> BridgeOf(const std::string& id) EXCLUDES(mutex_);
  BridgePtr Current() const EXCLUDES(mutex_);
  Result<> Close() REQUIRES(mutex_);

  const std::string name_;
  mutable Mutex mutex_;
  BridgeConfig config_ GUARDED_BY(mutex_);  // subnets sorted
  BridgePtr bridge_ GUARDED_BY(mutex_);
  std::map<std::string, PodLease> leases_ GUARDED_BY(mutex_);  // by sandbox id
  Problems problems_ GUARDED_BY(mutex_);                       // not taken yet
};

}  // namespace davit
