// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake pod network for tests of verbs: assigns addresses, uses no kernel objects, and fails where the test
// requests it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/network/pod_network.h"
#include "cri/testing/steps.h"

namespace davit::cri {

// Thread-safe. At the end of a test, leases(), attached() and misuses() should be empty.
class FakeNetwork : public PodNetwork {
 public:
  explicit FakeNetwork(Steps& steps) : steps_(steps) {}

  // Every later Detach reports this as a leftover.
  void LeaveOver(Error error) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    leftovers_.push_back(std::move(error));
  }
  // Recover reports this for the pod.
  void Refuse(const std::string& id, Error error) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    problems_[id] = std::move(error);
  }
  // What Check returns.
  void SetHealth(Result<> health) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    health_ = std::move(health);
  }
  // `hook` is called in every Attach, without the lock.
  void OnAttach(std::function<void(const std::string& id)> hook) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    on_attach_ = std::move(hook);
  }
  // Whether the last Detach was given the interface that Attach made.
  bool detached_interface() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return detached_interface_;
  }
  // From now on pods get their network from CNI plugins.
  void UsePlugins() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    plugins_ = true;
  }

  // Sandbox ids after Choose or Recover and before GiveBack.
  std::set<std::string> leases() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return leases_;
  }
  // Sandbox ids for which Attach was called, even if it failed, and Detach has not succeeded since.
  std::set<std::string> attached() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return attached_;
  }
  // Calls in an order that pod_network.h does not allow.
  std::vector<std::string> misuses() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return misuses_;
  }
  std::string pod_cidr() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return pod_cidr_;
  }

  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    made_.clear();
    for (const RecordedPod& pod : pods) {
      if (!pod.record.plugins && pod.record.addresses.empty()) continue;
      leases_.insert(pod.record.id);
      attached_.insert(pod.record.id);
    }
    return problems_;
  }

  Result<> Choose(SandboxRecord& record) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    TRY(steps_.Take("network.Choose"));
    if (!leases_.insert(record.id).second) misuses_.push_back("Choose twice " + record.id);
    if (plugins_)
      record.plugins = PluginLease{"/etc/cni/net.d/10-fake.conflist", "{}", ""};
    else
      record.addresses = {NextAddress()};
    return {};
  }

  void GiveBack(const SandboxRecord& record) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (attached_.contains(record.id)) misuses_.push_back("GiveBack before Detach " + record.id);
    leases_.erase(record.id);
  }

  Result<> Attach(const runtime::v1::PodSandboxConfig&, int netns_fd, SandboxRecord& record) override
      EXCLUDES(mutex_) {
    std::function<void(const std::string&)> hook;
    {
      MutexLock lock(mutex_);
      hook = on_attach_;
    }
    if (hook) hook(record.id);
    MutexLock lock(mutex_);
    if (!leases_.contains(record.id)) misuses_.push_back("Attach without Choose " + record.id);
    if (netns_fd < 0) misuses_.push_back("Attach without a namespace " + record.id);
    attached_.insert(record.id);
    TRY(steps_.Take("network.Attach"));
    made_.insert(record.id);
    if (record.plugins) {
      record.plugins->result = "{}";
      record.addresses = {NextAddress()};
    } else {
      record.host_interface = "veth" + record.id.substr(0, 11);
      record.mac = "02:00:00:00:00:01";
    }
    return steps_.Take("network.WriteSysctls");
  }

  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig&, const SandboxRecord& record) override
      EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    TRY(steps_.Take("network.Detach"));
    attached_.erase(record.id);
    detached_interface_ = !record.host_interface.empty();
    bool named = detached_interface_ || (record.plugins && !record.plugins->result.empty());
    if (made_.erase(record.id) > 0 && !named)
      misuses_.push_back("Detach without what Attach made " + record.id);
    return leftovers_;
  }

  void EnterPodsBy(Enter) override {}
  Result<BridgeCounters> Counters() override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    TRY(steps_.Take("network.Counters"));
    return BridgeCounters();
  }
  // One packet in each direction for every attached pod.
  std::vector<cni::LinkCounters> CountersOf(const std::string& id, const BridgeCounters&) const override
      EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!attached_.contains(id)) return {};
    return {{"eth0", cni::Traffic{.bytes = 60, .packets = 1}, cni::Traffic{.bytes = 60, .packets = 1}}};
  }

  Result<> Check() override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return health_;
  }
  Result<> SetPodCidr(const std::string& pod_cidr) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    TRY(steps_.Take("network.SetPodCidr"));
    pod_cidr_ = pod_cidr;
    return {};
  }
  NetworkDescription Describe() override {
    return {.mode = "bridge", .bridge = "fake0", .subnets = {"192.0.2.0/24"}};
  }

 private:
  std::string NextAddress() REQUIRES(mutex_) { return "192.0.2." + std::to_string(1 + next_++ % 254); }

  Steps& steps_;
  mutable Mutex mutex_;
  Leftovers leftovers_ GUARDED_BY(mutex_);
  std::map<std::string, Error> problems_ GUARDED_BY(mutex_);
  std::set<std::string> leases_ GUARDED_BY(mutex_);
  std::set<std::string> attached_ GUARDED_BY(mutex_);
  std::set<std::string> made_
      GUARDED_BY(mutex_);  // sandbox ids whose record must name an interface or result
  std::vector<std::string> misuses_ GUARDED_BY(mutex_);
  std::string pod_cidr_ GUARDED_BY(mutex_);
  Result<> health_ GUARDED_BY(mutex_);
  std::function<void(const std::string&)> on_attach_ GUARDED_BY(mutex_);
  bool detached_interface_ GUARDED_BY(mutex_) = false;
  bool plugins_ GUARDED_BY(mutex_) = false;
  int next_ GUARDED_BY(mutex_) = 0;
};

}  // namespace davit::cri
