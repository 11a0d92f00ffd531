// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The built-in pod network: a bridge, a veth pair for each pod, masquerading and host ports.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/bridge_device.h"
#include "cni/conntrack.h"
#include "cni/host_ports.h"
#include "cni/ipam.h"
#include "cni/link.h"
#include "cni/link_counters.h"
#include "cni/link_remover.h"
#include "cni/netlink.h"
#include "cni/port_table.h"
#include "cni/subnet.h"
#include "cni/veth.h"

namespace davit::cni {

// Instances on one host need different names, tables and subnets; the names of all other kernel objects
// derive from these.
struct BridgeConfig {
  std::string name = "davit0";  // of the interface, at most 15 characters
  std::vector<Subnet> subnets;  // at most one IPv4 and one IPv6, at least one
  std::string table = "davit";  // the nftables table, in family inet
  uint32_t mtu = 0;             // of the bridge and the pods' interfaces; 0: the kernel's default
};

// The network of one pod. The caller keeps it in its records and passes it to Detach and Collect.
struct Attachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string host_interface;
  std::string mac;                 // of eth0 in the pod
  std::vector<PortMapping> ports;  // those with a host port
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

  // Blocks until the interfaces of detached pods are removed. Attached pods keep their network.
  ~Bridge() = default;

  // Allocates one address of each subnet, IPv4 first. They stay allocated until they are released, but only
  // in memory: record them before use.
  Result<std::vector<IpAddress>> AllocateAddresses();
  // Allocates these addresses again after a restart: all or none.
  Result<> ReserveAddresses(const std::vector<IpAddress>& addresses);
  void ReleaseAddresses(const std::vector<IpAddress>& addresses);

  // Gives the namespace lo, eth0 with the addresses, and default routes; then opens the host ports. When it
  // returns, the pod can send and receive. Undoes its steps on failure. kAlreadyExists names the holder of a
  // host port or of the interface's name. The namespace must be new, without an eth0. A veth pair that an
  // interrupted attempt left for this sandbox is replaced.
  Result<Attachment> Attach(const std::string& sandbox_id, int netns_fd,
                            const std::vector<IpAddress>& addresses, const std::vector<PortMapping>& ports);

  // Closes the host ports at once and removes the interface in the background. Idempotent; does not need the
  // pod's namespace. The caller releases the addresses.
  Result<> Detach(const std::string& sandbox_id, const Attachment& attachment);

  // Traffic of the pods' interfaces, as the pods see it, by the name of the host interface.
  Result<std::map<std::string, LinkCounters>> Counters() const;

  // Makes the kernel's state match these pods, given by sandbox id: removes the interfaces and host ports of
  // others; restores missing host ports, the tables and the bridge. Call it at start, or when Check fails,
  // while no pod is attached or detached. Returns the pods whose host ports stay closed, with the reason;
  // their interfaces stay.
  Result<std::map<std::string, Error>> Collect(const std::map<std::string, Attachment>& live);

  // Succeeds if a new pod would get a working network: the bridge is up, the tables exist, and the last
  // removal of interfaces succeeded.
  Result<> Check() const;

  // Blocks until the interfaces of pods detached so far are removed; Check reports a failed removal.
  void WaitForRemovals();

  // Removes the bridge, the tables and all interfaces of pods. Kernel settings stay, because other programs
  // may depend on them.
  Result<> Destroy();

 private:
  Bridge(const BridgeConfig& config, NetlinkSocket routes, NetlinkSocket conntrack)
      : name_(config.name), mtu_(config.mtu), routes_(std::move(routes)), conntrack_(std::move(conntrack)) {}

  Result<> Restore();
  Result<> Connect(const std::string& sandbox_id, int netns_fd, const Attachment& attachment,
                   const std::vector<HostPort>& ports);
  Result<> MakeInterface(const std::string& sandbox_id, int netns_fd, const Attachment& attachment);
  Result<> RemoveLeftover(const std::string& sandbox_id, const std::string& host_interface)
      REQUIRES(routes_mutex_);
  Result<std::vector<PodAddress>> WithGateways(const std::vector<IpAddress>& addresses) const;
  Result<> ClosePorts(const std::string& sandbox_id, const Attachment& attachment);
  Result<> RemoveInterface(const std::string& sandbox_id);
  Result<> ForgetFlows(const std::vector<HostPort>& ports, Flows flows);
  Result<std::vector<HostPort>> ClaimAgain(const std::string& sandbox_id, const Attachment& attachment);
  Result<std::vector<Link>> PodInterfaces();
  AddressPool* PoolOf(const IpAddress& address) const;

  const std::string name_;
  const uint32_t mtu_;
  BridgeDevice device_;
  std::vector<std::unique_ptr<AddressPool>> pools_;  // IPv4 first
  std::atomic<uint32_t> index_ = 0;  // of the bridge; changes when the bridge is created again
  HostPortClaims claims_;
  std::unique_ptr<PortTable> table_;
  std::unique_ptr<LinkRemover> remover_;

  // The kernel serialises changes of interfaces, so that a socket for each thread would gain nothing.
  mutable Mutex routes_mutex_;
  mutable NetlinkSocket routes_ GUARDED_BY(routes_mutex_);
  Mutex conntrack_mutex_;
  NetlinkSocket conntrack_ GUARDED_BY(conntrack_mutex_);
};

}  // namespace davit::cni
