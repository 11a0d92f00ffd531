// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network of pods on the built-in bridge.
#pragma once

#include <functional>
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

// A value that persists over restarts of the daemon.
struct StoredSetting {
  std::string value;  // at the start; empty: never set
  std::function<Result<>(const std::string&)> put = [](const std::string&) { return Result<>(); };
};

// Thread-safe. The bridge is created on first use and removed only while no pod has a lease. Opening the
// bridge takes over the pods of an earlier process, even if it happens late.
class BridgeNetwork {
 public:
  using Problems = std::map<std::string, Error>;  // by sandbox id

  // Without subnets in `config` the bridge cannot be opened (kUnavailable) before MoveTo. `on_disturbance` as
  // in cni::Bridge::Watch, while the bridge is open.
  // `address_mark` has the addresses at which the next process starts to look for free ones, so that
  // addresses are reused as late as possible.
  BridgeNetwork(const cni::BridgeConfig& config, StoredSetting address_mark,
                std::function<void()> on_disturbance);

  // From its return on, there are no more calls of on_disturbance.
  void StopWatching() EXCLUDES(mutex_);

  // Restores the leases of the pods that are on the bridge; does not access the kernel. Called once, before
  // any other method but MoveTo.
  void Recover(const std::vector<RecordedPod>& pods) EXCLUDES(mutex_);
  // The recovered pods that cannot continue, as found since the last call.
  Problems TakeProblems() EXCLUDES(mutex_);

  // Creates the bridge or takes over the existing one, together with the recovered pods. No-op if it is open.
  // kFailedPrecondition, before the kernel is touched, if one of these pods has an address outside the
  // subnets.
  Result<> Open() EXCLUDES(mutex_);
  // Removes the bridge, also that of an earlier process, unless a pod has a lease. Idempotent.
  Result<> Retire() EXCLUDES(mutex_);
  // cni::Bridge::Reconcile; kFailedPrecondition if the bridge is not open.
  Result<cni::RepairReport> Reconcile() EXCLUDES(mutex_);
  // No value while the bridge is not open.
  std::optional<cni::BridgeState> State() const EXCLUDES(mutex_);
  // cni::Bridge::SetPodMtu; no-op if the bridge is not open. Returns the error of `netns`, the answer to the
  // request for the pod's namespace, if it is one.
  Result<> SetPodMtu(const std::string& id, Result<UniqueFd> netns) EXCLUDES(mutex_);
  bool HasLeases() const EXCLUDES(mutex_);

  // As in PodNetwork, where Lease is called Choose. Addresses that the record has already are those that the
  // pod wants: kAlreadyExists if one is in use. Lease, Attach and Detach open the bridge if necessary.
  Result<> Lease(SandboxRecord& record) EXCLUDES(mutex_);
  void GiveBack(const std::string& id) EXCLUDES(mutex_);
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<BridgeCounters> Counters() EXCLUDES(mutex_);

  // Moves an open bridge to these subnets; if that fails, the bridge keeps the old ones. A bridge that is not
  // open gets them when it is opened. While pods have leases of the current subnets nothing is moved: returns
  // false if those include these, else kFailedPrecondition. True if the bridge has exactly these subnets.
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
  Result<> CheckRecovered() const REQUIRES(mutex_);
  bool HasLeasesOf(const std::vector<cni::Subnet>& subnets) const REQUIRES(mutex_);
  Result<> TakeOverPods(cni::Bridge& bridge) REQUIRES(mutex_);
  std::vector<cni::IpAddress> Reserve(cni::Bridge& bridge, const std::string& id, const PodLease& lease)
      REQUIRES(mutex_);
  Result<BridgePtr> BridgeOf(const std::string& id) EXCLUDES(mutex_);
  BridgePtr Current() const EXCLUDES(mutex_);
  void MoveMark(const std::vector<cni::IpAddress>& allocated) REQUIRES(mutex_);
  Result<> Close() REQUIRES(mutex_);
  bool may_have_remains_ GUARDED_BY(mutex_) = true;  // of an earlier process

  const std::string name_;
  const StoredSetting address_mark_;
  mutable Mutex mutex_;
  uint64_t before_mark_ GUARDED_BY(mutex_) = 0;  // allocations until the mark has to move
  std::function<void()> on_disturbance_ GUARDED_BY(mutex_);
  cni::BridgeConfig config_ GUARDED_BY(mutex_);  // subnets sorted
  BridgePtr bridge_ GUARDED_BY(mutex_);
  std::map<std::string, PodLease> leases_ GUARDED_BY(mutex_);  // by sandbox id
  Problems problems_ GUARDED_BY(mutex_);                       // not taken yet
  std::optional<Error> refused_cidr_ GUARDED_BY(mutex_);  // why the last MoveTo failed to open the bridge
};

}  // namespace davit::cri
