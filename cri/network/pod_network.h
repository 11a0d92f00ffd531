// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the runtime gives pods their network. NodeNetwork implements it; tests of verbs use
// cri/testing/fake_network.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "cni/bridge.h"
#include "cni/link_counters.h"
#include "cri/pods/pod_records.h"

namespace davit::cri {

// Keyed by the name of the host interface.
using BridgeCounters = std::map<std::string, cni::LinkCounters>;

// Resources that Detach could not release and will not release later; each error names the resource and the
// reason. The caller logs them.
using Leftovers = std::vector<Error>;

// A pod in the records.
struct RecordedPod {
  runtime::v1::PodSandboxConfig config;
  SandboxRecord record;
};

// For display: the network that a new pod would get, and what the checks have found. Times are nanoseconds
// since 1970; 0: never.
struct NetworkDescription {
  std::string mode;              // "bridge" or "cni"
  std::string plugin_file = {};  // in force; empty: none
  std::string plugin_network = {};
  std::string plugin_version = {};
  std::string complaint = {};  // why a newer configuration of plugins is not in force

  std::string bridge = {};
  std::string table = {};                 // of its rules
  std::vector<std::string> subnets = {};  // empty: not known yet
  bool masquerade = true;
  size_t no_masquerade = 0;                           // number of networks that see pods' addresses
  std::optional<cni::BridgeState> bridge_state = {};  // no value: it is not open
  std::string firewall_unknown = {};                  // cni::RepairReport

  uint64_t checks = 0;
  int64_t checked_at = 0;  // the end of the last check
  uint64_t repairs = 0;    // how often something of the bridge had to be put back
  int64_t repaired_at = 0;
  std::vector<std::string> last_repaired = {};
  std::map<std::string, std::string> pod_problems = {};  // by sandbox id: what is wrong with its network
};

// Thread-safe. Unless stated otherwise, the methods take pods with their own network namespace. After Attach,
// the pod's main interface is kPodInterface (cni/veth.h).
//
// The order of calls for a pod: Choose, write the record to the database, Attach, write the record again;
// later Detach, remove the network from the record and write it, GiveBack. After a restart, Recover replaces
// Choose and Attach.
class PodNetwork {
 public:
  PodNetwork() = default;
  PodNetwork(const PodNetwork&) = delete;
  PodNetwork& operator=(const PodNetwork&) = delete;
  virtual ~PodNetwork() = default;

  // Takes over the networks of these pods and releases those of all others. Called once, before pods are
  // created or removed. Pods in the host's network namespace may be included and are skipped. Returns the
  // pods that cannot continue, by sandbox id, with the reason; they can still be detached and given back. A
  // network that does not work is not an error here; Check reports it.
  virtual std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) = 0;

  // Chooses the pod's network and writes it into the record: leased addresses, or plugins. A record of a pod
  // on a user network has its id already, and the addresses that the pod wants.
  virtual Result<> Choose(SandboxRecord& record) = 0;
  // Ends the lease, which is found by the record's id, and removes the pin of the network namespace. Call it
  // only when the addresses are not, or not any more, in the database. Idempotent.
  virtual void GiveBack(const SandboxRecord& record) = 0;

  // Creates the network in the pod's namespace, adds addresses, interface and the plugins' results to the
  // record, and writes the sysctls of the interfaces (interface_sysctls.h). After a failure, the record names
  // what was created, and Detach with it removes that. The caller keeps ownership of `netns_fd`.
  virtual Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                          SandboxRecord& record) = 0;

  // Removes the network that the record names; does not need the pod's processes. Idempotent. An error means
  // that a later call may succeed; errors for the same pod do not repeat for ever. On success the caller
  // clears `addresses` and `plugins` in the record, writes it and calls GiveBack.
  virtual Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config,
                                   const SandboxRecord& record) = 0;

  // How to get the network namespace of a pod that was attached before: `enter` returns at once, and calls
  // `done`, maybe on another thread. After EnterPodsBy(nullptr) there are no more calls of `enter`.
  using OnNamespace = std::function<void(Result<UniqueFd>)>;
  using Enter = std::function<void(const std::string& id, const OnNamespace& done)>;
  virtual void EnterPodsBy(Enter enter) = 0;

  // Traffic counters of the interfaces of all pods on the bridge, in one request to the kernel.
  virtual Result<BridgeCounters> Counters() = 0;
  // Traffic counters of the pod's interfaces from the pod's point of view, kPodInterface first. Pods of
  // plugins are read from inside their network namespace, one by one. Empty if the pod does not exist or uses
  // the host's network.
  virtual std::vector<cni::LinkCounters> CountersOf(const std::string& id,
                                                    const BridgeCounters& on_bridge) const = 0;

  // Whether a new pod would get a network, according to the last background check. Returns at once and
  // changes nothing.
  virtual Result<> Check() = 0;

  // The node's pod CIDRs, in the kubelet's form; no-op if empty. If the bridge is to use them, sets its
  // subnets to them, now and after a restart; while pods are on the bridge, kFailedPrecondition unless the
  // bridge has all of these subnets already.
  virtual Result<> SetPodCidr(const std::string& pod_cidr) = 0;

  virtual NetworkDescription Describe() = 0;
};

}  // namespace davit::cri
