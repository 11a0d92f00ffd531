// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/all_networks.h"

#include "cri/network/interface_sysctls.h"

namespace davit::cri {

std::map<std::string, Error> AllNetworks::Recover(const std::vector<RecordedPod>& pods) {
  std::vector<RecordedPod> of_node;
  std::vector<RecordedPod> of_users;
  for (const RecordedPod& pod : pods) (pod.record.network.empty() ? of_node : of_users).push_back(pod);
  std::map<std::string, Error> problems = of_users_.Recover(of_users);
  problems.merge(node_.Recover(of_node));
  return problems;
}

Result<> AllNetworks::Choose(SandboxRecord& record) {
  return record.network.empty() ? node_.Choose(record) : of_users_.Choose(record);
}

// The node's network knows what else there may be of a pod.
void AllNetworks::GiveBack(const SandboxRecord& record) {
  if (!record.network.empty()) of_users_.GiveBack(record);
  node_.GiveBack(record);
}

Result<> AllNetworks::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                             SandboxRecord& record) {
  if (record.network.empty()) return node_.Attach(config, netns_fd, record);
  TRY(of_users_.Attach(config, netns_fd, record));
  return WriteInterfaceSysctls(config, netns_fd);
}

Result<Leftovers> AllNetworks::Detach(const runtime::v1::PodSandboxConfig& config,
                                      const SandboxRecord& record) {
  if (record.network.empty()) return node_.Detach(config, record);
  return record.addresses.empty() ? Leftovers() : of_users_.Detach(config, record);
}

void AllNetworks::EnterPodsBy(Enter enter) {
  of_users_.EnterPodsBy(enter);
  node_.EnterPodsBy(std::move(enter));
}

Result<BridgeCounters> AllNetworks::Counters() {
  BridgeCounters counters = TRY(node_.Counters());
  TRY(of_users_.AddCounters(counters));
  return counters;
}

std::vector<cni::LinkCounters> AllNetworks::CountersOf(const std::string& id,
                                                       const BridgeCounters& on_bridge) const {
  if (auto counters = of_users_.CountersOf(id, on_bridge)) return {*counters};
  return node_.CountersOf(id, on_bridge);
}

}  // namespace davit::cri
