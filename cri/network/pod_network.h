// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the runtime gives pods their network. NodeNetwork is the node's own; tests of verbs
// use cri/testing/fake_network.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cni/link_counters.h"
#include "cri/pods/pod_records.h"

namespace davit {

// By the name of the host interface.
using BridgeCounters = std::map<std::string, LinkCounters>;

// What taking a network down could not undo and will not undo later: each says what and why. The caller logs
// them.
using Leftovers = std::vector<Error>;

// A pod as the records have it.
struct RecordedPod {
  runtime::v1::PodSandboxConfig config;
  SandboxRecord record;
};

// What a pod made now would be on, for people.
struct NetworkDescription {
  std::string plugin_file;  // empty: the bridge
  std::string plugin_network;
  std::string bridge;
  std::vector<std::string> subnets;
};

// Thread-safe. The methods take pods that have a network of their own; in the pod its main interface is
// kPodInterface (cni/veth.h) once Attach has succeeded.
//
// The life of a pod's network: Choose, the record into the database, Attach, the record again; Detach, its
// network out of the record and the record into the database, GiveBack. After a restart Recover takes the
// place of Choose and Attach.
class PodNetwork {
 public:
  PodNetwork() = default;
  PodNetwork(const PodNetwork&) = delete;
  PodNetwork& operator=(const PodNetwork&) = delete;
  virtual ~PodNetwork() = default;

  // Takes over what these pods have and removes what no pod has. Once, before pods come or go. Pods without a
  // network of their own may be among them and are passed over. Gives the pods that cannot go on, by sandbox
  // id, with the reason; they can still be detached and given back. A network that does not work is no error
  // here: Check tells.
  virtual std::map<std::string, Error> Recover(const std::vector<RecordedPod>& pods) = 0;

  // Decides on the pod's network and writes it into the record: leased addresses, or plugins.
  virtual Result<> Choose(SandboxRecord& record) = 0;
  // Ends the lease, which is found by the record's id. To be called when the database does not have the
  // addresses any more, or never had them. Idempotent.
  virtual void GiveBack(const SandboxRecord& record) = 0;

  // Makes the network in the pod's namespace, writes the sysctls of its interfaces (interface_sysctls.h) and
  // completes the record with addresses, interface and what the plugins answered. On failure Detach removes
  // what is left. `netns_fd` stays the caller's.
  virtual Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                          SandboxRecord& record) = 0;

  // Takes down what the record names; needs nothing of the pod's processes. Idempotent. An error means that
  // the same call may succeed later; it is not returned for ever for the same pod. On success the caller
  // clears `addresses` and `plugins` in the record, writes it and calls GiveBack.
  virtual Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config,
                                   const SandboxRecord& record) = 0;

  // What went through the interfaces of all pods on the bridge: one question for all of them.
  virtual Result<BridgeCounters> Counters() = 0;
  // What went through the interfaces of the pod with this sandbox id, as the pod sees it, kPodInterface
  // first. Pods of plugins are looked at from inside, one by one. Nothing when the pod is gone or on the
  // host's network.
  virtual std::vector<LinkCounters> CountersOf(const std::string& id,
                                               const BridgeCounters& on_bridge) const = 0;

  // Whether a pod would get a network, by the last look at it. Returns at once and changes nothing.
  virtual Result<> Check() = 0;

  // The pod CIDRs of this node, as the kubelet sends them, become the bridge's subnets, now and after a
  // restart. While pods are on the bridge that is kFailedPrecondition, unless it has all of them already.
  virtual Result<> SetPodCidr(const std::string& pod_cidr) = 0;

  virtual NetworkDescription Describe() = 0;
};

}  // namespace davit
