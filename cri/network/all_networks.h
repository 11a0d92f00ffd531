// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The networks of all pods: the node's, and those of users.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cri/network/node_network.h"
#include "cri/network/user_networks.h"

namespace davit::cri {

// A pod has the network that its record names, or else that of the node. Thread-safe.
class AllNetworks final : public PodNetwork {
 public:
  // Both must outlive the object.
  AllNetworks(PodNetwork& node, UserNetworks& of_users) : node_(node), of_users_(of_users) {}

  std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) override;
  Result<> Choose(SandboxRecord& record) override;
  void GiveBack(const SandboxRecord& record) override;
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) override;
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) override;
  void EnterPodsBy(Enter enter) override;
  Result<BridgeCounters> Counters() override;
  std::vector<cni::LinkCounters> CountersOf(const std::string& id,
                                            const BridgeCounters& on_bridge) const override;
  // These three are about the node's network only: the kubelet's pods have no other one.
  Result<> Check() override { return node_.Check(); }
  Result<> SetPodCidr(const std::string& pod_cidr) override { return node_.SetPodCidr(pod_cidr); }
  NetworkDescription Describe() override { return node_.Describe(); }

 private:
  PodNetwork& node_;
  UserNetworks& of_users_;
};

}  // namespace davit::cri
