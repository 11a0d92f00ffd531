// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bridges of networks that users have made, beside the node's own network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "cni/isolation.h"
#include "cri/network/bridge_network.h"
#include "cri/network/network_health.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

struct UserNetwork {
  std::string id;      // SandboxRecord::network
  std::string bridge;  // the interface's name; names of other kernel objects derive from it
  std::vector<cni::Subnet> subnets = {};
  std::vector<cni::IpAddress> gateways = {};  // empty: the first address of each subnet
  bool internal = false;                      // without a way out
};

// The port through which networks are made and removed; UserNetworks implements it.
class UserBridges {
 public:
  virtual ~UserBridges() = default;

  // Calls `after` on a thread of its own after each look at the bridges; if it fails, the look is repeated.
  // When AfterLooks(nullptr) returns, there are no more calls.
  virtual void AfterLooks(std::function<Result<>()> after) = 0;
  // Makes a network known, without an access to the kernel. Called before the pods are recovered.
  virtual void Define(const UserNetwork& network) = 0;
  // The bridge is of a network of which nothing else is known: until the process ends, it is kept apart from
  // everything, as an internal one. Called before the pods are recovered.
  virtual void Seal(const std::string& bridge) = 0;
  // Makes the bridge. If that fails, nothing of it is left, unless Has says so: then Remove it.
  virtual Result<> Add(const UserNetwork& network) = 0;
  // Removes the bridge. kFailedPrecondition while a pod has a lease. Idempotent; it can be repeated after a
  // failure.
  virtual Result<> Remove(const std::string& id) = 0;
  virtual bool Has(const std::string& id) const = 0;
  // What the host has addresses of or routes to, whose names are in the second place.
  virtual Result<std::vector<std::pair<cni::Subnet, std::string>>> TakenSubnets() const = 0;
  // The index of the bridge; 0: it does not exist.
  virtual uint32_t DeviceOf(const std::string& bridge) const = 0;
};

// Each network is a BridgeNetwork. They are isolated from each other and from the node's bridge
// (cni/isolation.h). Bridges exist as long as their networks, with or without pods; they are repaired as the
// node's is, on one thread, which exists once there is a network. Thread-safe.
class UserNetworks final : public UserBridges {
 public:
  struct Options {
    cni::BridgeConfig node;  // the node's bridge: its name and MTU
    NetworkHealth::Options health;
  };
  // `log` must outlive the object.
  UserNetworks(Options options, const Logger& log);
  ~UserNetworks() override;
  UserNetworks(const UserNetworks&) = delete;
  UserNetworks& operator=(const UserNetworks&) = delete;

  void AfterLooks(std::function<Result<>()> after) override EXCLUDES(after_mutex_);
  void Define(const UserNetwork& network) override EXCLUDES(mutex_);
  void Seal(const std::string& bridge) override EXCLUDES(mutex_);
  Result<> Add(const UserNetwork& network) override EXCLUDES(mutex_);
  Result<> Remove(const std::string& id) override EXCLUDES(bridges_mutex_, mutex_);
  bool Has(const std::string& id) const override EXCLUDES(mutex_);
  Result<std::vector<std::pair<cni::Subnet, std::string>>> TakenSubnets() const override;
  uint32_t DeviceOf(const std::string& bridge) const override;

  // As PodNetwork::Recover, for pods of these networks. Bridges that are missing are made.
  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) EXCLUDES(mutex_);

  // As in PodNetwork, for a record with a network. kNotFound if there is no such network.
  Result<> Choose(SandboxRecord& record) EXCLUDES(mutex_);
  void GiveBack(const SandboxRecord& record) EXCLUDES(mutex_);
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record)
      EXCLUDES(mutex_);
  Result<> AddCounters(BridgeCounters& counters) EXCLUDES(mutex_);
  // No value for a pod of no user network.
  std::optional<cni::LinkCounters> CountersOf(const std::string& sandbox_id,
                                              const BridgeCounters& counters) const EXCLUDES(mutex_);
  void EnterPodsBy(PodNetwork::Enter enter) EXCLUDES(enter_mutex_);

  // Looks again, and waits for the end of that; false if it takes too long. For tests.
  bool AwaitLook(std::chrono::milliseconds patience);

 private:
  using BridgePtr = std::shared_ptr<BridgeNetwork>;
  struct Known {
    UserNetwork definition;
    BridgePtr bridge;
  };

  BridgePtr MakeBridge(const UserNetwork& network);
  Result<BridgePtr> Find(const std::string& id) const EXCLUDES(mutex_);
  std::vector<Known> All() const EXCLUDES(mutex_);
  std::vector<std::string> Sealed() const EXCLUDES(mutex_);
  Result<> Isolate() EXCLUDES(mutex_, isolation_mutex_);
  Result<> StartLooking() EXCLUDES(mutex_);
  Result<> Look() EXCLUDES(mutex_);
  Result<> LookAt(const Known& network) EXCLUDES(bridges_mutex_, mutex_);
  void CorrectMtu(const BridgePtr& bridge, const std::vector<std::string>& pods) EXCLUDES(enter_mutex_);
  void LookAgain() EXCLUDES(mutex_);

  const Options options_;
  const Logger& log_;
  Mutex after_mutex_;
  std::function<Result<>()> after_look_ GUARDED_BY(after_mutex_);
  Mutex bridges_mutex_;  // held while a bridge is removed, so that no look makes it again; before mutex_
  Mutex isolation_mutex_;
  std::unique_ptr<cni::Isolation> isolation_ GUARDED_BY(isolation_mutex_);
  Mutex enter_mutex_;
  PodNetwork::Enter enter_ GUARDED_BY(enter_mutex_);
  mutable Mutex mutex_;
  std::map<std::string, Known> networks_ GUARDED_BY(mutex_);  // by id
  std::vector<std::string> sealed_ GUARDED_BY(mutex_);        // bridges
  // Last member, because its thread uses the others.
  std::unique_ptr<NetworkHealth> health_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
