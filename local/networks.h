// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The networks that people make for local containers, as the service davit.v1.Networks promises them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "api/davit/v1/davit.pb.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "cri/network/user_networks.h"
#include "cri/records/local_store.h"
#include "dns/responders.h"
#include "local/event_log.h"
#include "local/network_plan.h"
#include "local/network_record.h"
#include "local/pod_config.h"

namespace davit::local {

namespace api = ::davit::v1;

// A network is a record, a bridge (UserBridges) and a responder for the names of its containers (dns). It
// stays while containers are its members, which they are from their creation to their removal.
//
// Thread-safe. "network" parameters are names, ids or beginnings of ids.
class Networks {
 public:
  static constexpr size_t kMost = 64;

  // All must outlive the object.
  struct Ports {
    cri::UserBridges& bridges;
    cri::NetworkStore& store;
    dns::NameService& names;
    std::vector<cni::Subnet> node_subnets;  // not for networks
    std::string node_bridge;
    const Logger& log;
    const Clock& clock;
    EventLog& events;
  };
  explicit Networks(Ports ports);
  // Leaves bridges and records.
  ~Networks();

  // Reads the records. Called once, before the runtime recovers.
  Result<> Load() EXCLUDES(mutex_);
  // Begins to answer names. Called once the containers that run are known: until then, a question gets no
  // answer, rather than a wrong one.
  void Begin() EXCLUDES(mutex_);

  Result<std::string> Create(const std::string& name, const api::NetworkSpec& spec)
      EXCLUDES(changes_mutex_, mutex_);
  std::vector<api::Network> List() const EXCLUDES(mutex_);
  Result<api::Network> Inspect(const std::string& network) const EXCLUDES(mutex_);
  // Returns its name.
  Result<std::string> Remove(const std::string& network) EXCLUDES(changes_mutex_, mutex_);
  Result<std::vector<std::string>> Prune() EXCLUDES(changes_mutex_, mutex_);

  // For containers; each does nothing for one that has another kind of network.
  //
  // Makes the container a member. kInvalidArgument if there is no such network, or if the spec wants
  // addresses that the network does not have.
  Result<> AddMember(const std::string& id, const std::string& name, const api::ContainerSpec& spec)
      EXCLUDES(mutex_);
  void RemoveMember(const std::string& id) EXCLUDES(mutex_);
  void RenameMember(const std::string& id, const std::string& name) EXCLUDES(mutex_);
  // Completes the request for a run. kFailedPrecondition if the network does not exist.
  Result<> Prepare(const std::string& id, const api::ContainerSpec& spec, PodRequest& request) const
      EXCLUDES(mutex_);
  // From its run's start to its end, a member's names have these addresses.
  void Join(const std::string& id, const std::vector<std::string>& addresses) EXCLUDES(mutex_);
  void Leave(const std::string& id) EXCLUDES(mutex_);

 private:
  struct Network {
    NetworkRecord record;
    api::NetworkSpec spec;
    NetworkPlan plan;
    std::shared_ptr<dns::Names> names;
    std::string problem = {};
    bool removing = false;
  };
  struct Member {
    std::string network;  // id
    std::string name;
    std::vector<std::string> aliases;
    std::vector<dns::ServerAddress> servers;
    std::vector<std::string> addresses = {};  // empty: it does not run
  };

  Result<> LoadOne(const cri::LocalRow& row) EXCLUDES(mutex_);
  static cri::UserNetwork BridgeOf(const Network& network);
  Result<Network> Plan(const std::string& name, const api::NetworkSpec& spec) EXCLUDES(mutex_);
  Result<NetworkRecord> NewRecord(const std::string& name) const EXCLUDES(mutex_);
  Result<> Make(const Network& network) EXCLUDES(mutex_);
  Result<std::string> Find(const std::string& text) const REQUIRES(mutex_);
  Result<std::string> BeginRemoval(const std::string& network) EXCLUDES(mutex_);
  Result<> RemoveOne(const std::string& id) REQUIRES(changes_mutex_) EXCLUDES(mutex_);
  std::vector<std::string> MembersOf(const std::string& network) const REQUIRES(mutex_);
  // All responders serve at the bridges that there are.
  Result<> AnswerNames() EXCLUDES(mutex_);
  void Announce(const std::string& id, const Member& member) REQUIRES(mutex_);
  api::Network ToApi(const Network& network) const REQUIRES(mutex_);

  const Ports ports_;
  Mutex changes_mutex_;  // held while networks are made and removed, before mutex_
  mutable Mutex mutex_;
  bool begun_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Network> networks_ GUARDED_BY(mutex_);  // by id
  std::map<std::string, Member> members_ GUARDED_BY(mutex_);    // by container id
};

}  // namespace davit::local
