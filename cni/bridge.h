// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The built-in pod network: a bridge, a veth pair for each pod, masquerading and host ports.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/bridge_config.h"
#include "cni/bridge_goal.h"
#include "cni/bridge_repair.h"
#include "cni/bridge_watch.h"
#include "cni/conntrack.h"
#include "cni/forward_accepts.h"
#include "cni/host_ports.h"
#include "cni/ipam.h"
#include "cni/link.h"
#include "cni/link_counters.h"
#include "cni/link_remover.h"
#include "cni/netlink.h"
#include "cni/port_table.h"
#include "cni/subnet.h"
#include "cni/traffic_limit.h"
#include "cni/veth.h"

namespace davit::cni {

// The network of one pod. The caller keeps it in its records and passes it to Detach and Collect.
struct Attachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string host_interface;
  std::string mac;                 // of eth0 in the pod
  std::vector<PortMapping> ports;  // those with a host port
  TrafficLimits limits = {};
};

// What a repair has found.
struct RepairReport {
  std::vector<std::string> repaired;   // for people: "davit0 was down"
  std::vector<std::string> lost;       // ids of sandboxes whose interface is gone, which nothing brings back
  std::vector<std::string> other_mtu;  // ids of sandboxes whose interface has another MTU: SetPodMtu
  std::map<std::string, std::string> unlimited;  // BridgeRepairs::unlimited
  // Why known UDP flows were not forgotten since the last report: some clients still reach who had a host
  // port before. Never a reason to fail a pod.
  std::string flows_trouble;
  std::string firewall_unknown;  // ForwardReport::unknown
};

// For display.
struct BridgeState {
  uint32_t mtu = 0;          // of new pods; 0: the kernel's default
  bool owns_tables = false;  // nobody else can change them
  // Firewalls of others that drop what is forwarded, as the last Reconcile has left them.
  std::vector<ForwardDrop> forward_drops = {};
};

// Thread-safe. The network namespace of the thread that calls Open is the host's side of everything here;
// call the other methods on threads in the same namespace. The kernel objects that it creates outlive the
// object and the process.
class Bridge {
 public:
  // Creates the bridge, the kernel settings and the nftables tables, or takes over those of an earlier
  // process. kFailedPrecondition names the conflict: another running instance, a foreign link or table of
  // that name, an overlapping address. kInvalidArgument: a bad name, MTU or subnet.
  //
  // After a takeover, the caller must reserve the addresses in its records and call Collect before it
  // attaches or detaches pods.
  static Result<std::unique_ptr<Bridge>> Open(const BridgeConfig& config);

  // Whether the bridge of this configuration exists, made by this or an earlier process.
  static Result<bool> Exists(const BridgeConfig& config);
  // The subnets of that bridge, whatever those in `config` are; none if it does not exist.
  static Result<std::vector<Subnet>> ExistingSubnets(const BridgeConfig& config);

  // Blocks until the interfaces of detached pods are removed. Attached pods keep their network.
  ~Bridge() = default;

  // Allocates one address of each subnet, IPv4 first: that of the subnet in `wanted`, if there is one. They
  // stay allocated until they are released, but only in memory: record them before use. kAlreadyExists if a
  // wanted one is in use.
  Result<std::vector<IpAddress>> AllocateAddresses(const std::vector<IpAddress>& wanted = {});
  // The addresses `count` places behind these, in their subnets (AddressPool::Behind).
  std::vector<IpAddress> Behind(const std::vector<IpAddress>& addresses, uint64_t count) const;
  // Allocates these addresses again after a restart: all or none.
  Result<> ReserveAddresses(const std::vector<IpAddress>& addresses);
  void ReleaseAddresses(const std::vector<IpAddress>& addresses);

  // Gives the namespace lo, eth0 with the addresses, and default routes; then sets the limits and opens the
  // host ports. When it returns, the pod can send and receive. Undoes its steps on failure. kAlreadyExists
  // names the holder of a host port or of the interface's name. A holder whose own interface is gone gives
  // way. The namespace must be new, without an eth0. A veth pair that an interrupted attempt left for this
  // sandbox is replaced.
  Result<Attachment> Attach(const std::string& sandbox_id, int netns_fd,
                            const std::vector<IpAddress>& addresses, const std::vector<PortMapping>& ports,
                            const TrafficLimits& limits = {});

  // Closes the host ports at once and removes the interface in the background. Idempotent; does not need the
  // pod's namespace. The caller releases the addresses.
  Result<> Detach(const std::string& sandbox_id, const Attachment& attachment);

  // Gives both ends of the pod's interface the MTU of new pods, if the host's end has another. No-op if the
  // pod is not attached. `netns_fd` is its network namespace.
  Result<> SetPodMtu(const std::string& sandbox_id, int netns_fd) EXCLUDES(pods_mutex_);

  // Traffic of the pods' interfaces, as the pods see it, by the name of the host interface.
  Result<std::map<std::string, LinkCounters>> Counters() const;

  // Takes over these pods, given by sandbox id, and removes the interfaces and host ports of others; then
  // repairs. Call it at start, while no pod is attached or detached. Returns the pods whose host ports stay
  // closed, with the reason; their interfaces stay. Firewalls of others are left to Reconcile.
  Result<std::map<std::string, Error>> Collect(const std::map<std::string, Attachment>& live);

  // Looks at everything that the attached pods and the next one need (device, addresses, settings, ports of
  // the bridge, rules, host ports) and puts back what differs; leaves the rest alone. Pods may be attached
  // and detached meanwhile. On success, a new pod would get a working network.
  Result<RepairReport> Reconcile() EXCLUDES(repair_mutex_);

  // Waits for no repair.
  BridgeState State() const EXCLUDES(state_mutex_);

  // Looks, but changes nothing: an error names what Reconcile would put back.
  Result<> Check() EXCLUDES(repair_mutex_);

  // Calls `on_disturbance` when something happens after which Reconcile could have work: at most about once
  // per second, on a thread of its own, which sleeps until then. The pods that come and go through this
  // object cause no call.
  Result<> Watch(std::function<void()> on_disturbance);
  // Waits for the end of a running call.
  void StopWatching() { watch_.reset(); }

  // Blocks until the interfaces of pods detached so far are removed; Check reports a failed removal.
  void WaitForRemovals();

  // Removes the bridge, the tables and all interfaces of pods. Kernel settings stay, because other programs
  // may depend on them. After that, Reconcile and Check fail with kFailedPrecondition and make nothing.
  Result<> Destroy() EXCLUDES(repair_mutex_);

 private:
  Bridge(const BridgeConfig& config, NetlinkSocket routes, NetlinkSocket conntrack)
      : name_(config.name),
        follow_uplink_(config.follow_uplink),
        routed_(config.routed),
        mtu_(config.mtu),
        routes_(std::move(routes)),
        conntrack_(std::move(conntrack)) {}

  struct LivePod {
    std::string interface;
    std::vector<HostPort> ports;
    TrafficLimits limits;
  };
  Result<> CheckNotDestroyed() const REQUIRES(repair_mutex_);
  Result<> ReconcileBridge(RepairReport& report) REQUIRES(repair_mutex_);
  Result<> ReconcileLinks(RepairReport& report) REQUIRES(repair_mutex_);
  Result<> ReconcilePorts(RepairReport& report) REQUIRES(repair_mutex_);
  Result<> LookAtFirewalls(RepairReport& report) REQUIRES(repair_mutex_) EXCLUDES(state_mutex_);
  Result<PlannedBridge> Plan() REQUIRES(repair_mutex_);
  BridgeGoal Goal() EXCLUDES(pods_mutex_, state_mutex_);
  void Follow(const BridgeFacts& facts) EXCLUDES(state_mutex_);
  ForwardAccepts Forwarding() const;
  std::vector<HostPort> OpenedPorts() REQUIRES(pods_mutex_);
  Result<> OpenPorts(const std::string& sandbox_id, const Attachment& attachment,
                     const std::vector<HostPort>& ports) EXCLUDES(pods_mutex_);
  Result<> Connect(const std::string& sandbox_id, int netns_fd, const Attachment& attachment,
                   const std::vector<HostPort>& ports);
  Result<> MakeInterface(const std::string& sandbox_id, int netns_fd, const Attachment& attachment);
  Result<PodInterface> PodEnd(const std::vector<IpAddress>& addresses) const;
  Result<> ClosePorts(const std::string& sandbox_id, const Attachment& attachment) EXCLUDES(pods_mutex_);
  Result<> RemoveInterface(const std::string& sandbox_id, bool limited);
  Result<> LimitPod(const Attachment& attachment) EXCLUDES(routes_mutex_);
  Result<> ClaimPorts(const std::string& sandbox_id, const std::vector<HostPort>& ports);
  Result<> GiveWay(const std::string& holder) EXCLUDES(routes_mutex_, pods_mutex_);
  void ForgetFlows(const std::vector<HostPort>& ports, Flows flows) EXCLUDES(conntrack_mutex_);
  Result<std::vector<HostPort>> ClaimAgain(const std::string& sandbox_id, const Attachment& attachment,
                                           bool has_interface);
  Result<std::vector<Link>> PodLinks() EXCLUDES(routes_mutex_);
  bool IsOfPod(const Link& link) const;
  AddressPool* PoolOf(const IpAddress& address) const;

  const std::string name_;
  const bool follow_uplink_;
  const bool routed_;
  std::atomic<uint32_t> mtu_;  // of new pods
  BridgeDevice device_;
  std::vector<std::unique_ptr<AddressPool>> pools_;  // IPv4 first
  std::atomic<uint32_t> index_ = 0;  // of the bridge; changes when the bridge is created again
  HostPortClaims claims_;

  Mutex repair_mutex_;  // before all others
  bool destroyed_ GUARDED_BY(repair_mutex_) = false;
  AnswersPass answers_pass_ GUARDED_BY(repair_mutex_);
  std::unique_ptr<NetlinkSocket> repair_rules_ GUARDED_BY(repair_mutex_);
  std::unique_ptr<NetlinkSocket> repair_routes_ GUARDED_BY(repair_mutex_);  // no pod waits for a look

  mutable Mutex state_mutex_;
  std::vector<ForwardDrop> forward_drops_ GUARDED_BY(state_mutex_);
  std::vector<uint32_t> uplinks_ GUARDED_BY(state_mutex_);  // their indexes, if their MTU counts

  // Held while host ports change, so that a repair opens none of a pod that is gone.
  Mutex pods_mutex_;
  std::map<std::string, LivePod> pods_ GUARDED_BY(pods_mutex_);  // attached ones, by sandbox id
  std::unique_ptr<PortTable> table_;
  std::unique_ptr<LinkRemover> remover_;

  // The kernel serialises changes of interfaces, so that a socket for each thread would gain nothing.
  mutable Mutex routes_mutex_;
  mutable NetlinkSocket routes_ GUARDED_BY(routes_mutex_);
  Mutex conntrack_mutex_;
  NetlinkSocket conntrack_ GUARDED_BY(conntrack_mutex_);
  std::string flows_trouble_ GUARDED_BY(conntrack_mutex_);  // since the last report

  std::unique_ptr<BridgeWatch> watch_;  // last member, because its thread uses the others
};

}  // namespace davit::cni
