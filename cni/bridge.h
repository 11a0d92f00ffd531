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

namespace davit {

// Instances on one host need a name, a table and subnets each; everything else that they make follows from
// these.
struct BridgeConfig {
  std::string name = "davit0";  // of the interface, at most 15 characters
  std::vector<Subnet> subnets;  // at most one IPv4 and one IPv6, at least one
  std::string table = "davit";  // the nftables table, in family inet
  uint32_t mtu = 0;             // of the bridge and the pods' interfaces; 0: the kernel's default
};

// What a pod has. The caller keeps it in its records: Detach and Collect want it back.
struct Attachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string host_interface;
  std::string mac;                 // of eth0 in the pod
  std::vector<PortMapping> ports;  // those with a host port
};

// Thread-safe: pods may come and go from any threads of the process that are in the network namespace of
// Open's caller, which is the host's side of everything here. What it makes lives in the kernel and outlives
// the object and the process.
class Bridge {
 public:
  // Makes bridge, kernel settings and nftables table, or takes over what an earlier process left.
  // kFailedPrecondition says who is in the way: another running instance, a foreign link or table of that
  // name, an overlapping address.
  //
  // After taking over, the caller reserves the addresses in its records and calls Collect before pods come or
  // go.
  static Result<std::unique_ptr<Bridge>> Open(const BridgeConfig& config);

  // Waits for links that are being removed. Pods keep their network.
  ~Bridge() = default;

  // One address of each subnet, IPv4 first. They are the caller's until released, and only in memory: record
  // them first.
  Result<std::vector<IpAddress>> AllocateAddresses();
  // The same addresses again, after a restart. All or none.
  Result<> ReserveAddresses(const std::vector<IpAddress>& addresses);
  void ReleaseAddresses(const std::vector<IpAddress>& addresses);

  // Gives the namespace lo, eth0 with the addresses, and default routes; then opens the host ports. The pod
  // can send and be reached when this returns. Undoes itself on failure. kAlreadyExists names who holds a
  // host port. The namespace must be new: no eth0 in it. A veth that an interrupted attempt left for this
  // sandbox is replaced.
  Result<Attachment> Attach(const std::string& sandbox_id, int netns_fd,
                            const std::vector<IpAddress>& addresses, const std::vector<PortMapping>& ports);

  // Closes the host ports now and removes the interface soon, in the background. Idempotent, and needs
  // nothing of the pod. The addresses stay the caller's to release.
  Result<> Detach(const std::string& sandbox_id, const Attachment& attachment);

  // What went through the pods' interfaces, as the pods see it, by the name of the host interface.
  Result<std::map<std::string, LinkCounters>> Counters() const;

  // Makes the kernel's state that of these pods, by sandbox id: interfaces and host ports of others go,
  // missing host ports, the table and the bridge come back. For a start, or when Check fails; no pod may come
  // or go meanwhile. Gives the pods whose host ports stay closed, with the reason; their interfaces stay.
  Result<std::map<std::string, Error>> Collect(const std::map<std::string, Attachment>& live);

  // Whether a pod would get a working network: bridge up, table there, removals working.
  Result<> Check() const;

  // Returns when the interfaces of pods detached so far are gone.
  void WaitForRemovals();

  // Removes bridge, table and all interfaces of pods. Kernel settings stay as they are: others may rely on
  // them by now.
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
  std::atomic<uint32_t> index_ = 0;                  // of the bridge; changes when it has to be made again
  HostPortClaims claims_;
  std::unique_ptr<PortTable> table_;
  std::unique_ptr<LinkRemover> remover_;

  // The kernel does one change of interfaces at a time anyway: a socket for each thread would gain nothing.
  mutable Mutex routes_mutex_;
  mutable NetlinkSocket routes_ GUARDED_BY(routes_mutex_);
  Mutex conntrack_mutex_;
  NetlinkSocket conntrack_ GUARDED_BY(conntrack_mutex_);
};

}  // namespace davit
