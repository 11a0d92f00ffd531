// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a pod's network costs, in a network namespace of its own: medians in microseconds, step by step and as
// a whole, on a bridge that has other pods already.
//
//   cni_bench [PODS_PRESENT...]        default: 0 100 300
#include <sched.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ns_handle.h"
#include "cni/bench/samples.h"
#include "cni/bridge.h"
#include "cni/names.h"
#include "cni/netns.h"

namespace davit::cni {
namespace {

constexpr int kRounds = 200;

struct Pod {
  std::string id;
  UniqueFd netns;
  Attachment attachment;
};

Pod NewPod() {
  return {OrDie(NewId()), NewNetns(), {}};
}

// Attach taken apart: second and third step are the requests that no implementation can do without.
void MeasureSteps(uint32_t bridge_index) {
  NetlinkSocket host = OrDie(NetlinkSocket::Open(NETLINK_ROUTE));
  Samples enter, create, configure, carrier, ipv6_ready;
  for (int i = 0; i < kRounds; ++i) {
    UniqueFd netns = NewNetns();
    std::optional<NetlinkSocket> pod;
    IpAddress ipv4 = OrDie(IpAddress::Parse("10.80.255." + std::to_string(i)));
    IpAddress ipv6 = OrDie(IpAddress::Parse("fd00:80::ffff:" + std::to_string(i)));
    PodInterface interface{.addresses = {{ipv4, 16}, {ipv6, 64}},
                           .routes = {DefaultRoute(OrDie(IpAddress::Parse("10.80.0.1"))),
                                      DefaultRoute(OrDie(IpAddress::Parse("fd00:80::1")))}};
    VethPair pair{.host_name = "floor",
                  .alias = "floor",
                  .bridge_index = bridge_index,
                  .pod_mac = PodMac(ipv4),
                  .netns_fd = netns.get()};
    enter.Time([&] { pod = OrDie(EnterPod(netns.get())); });
    create.Time([&] { OrDie(CreateVeth(host, pair)); });
    configure.Time([&] { OrDie(ConfigurePod(netns.get(), *pod, interface)); });
    carrier.Time([&] { OrDie(SettleCarrier(host, pair)); });
    ipv6_ready.Time([&] { OrDie(SettleIpv6(*pod, interface.addresses)); });
    OrDie(DeleteLink(host, OrDie(FindLink(host, "floor"))->index));
  }
  enter.Print("step: socket in the pod's namespace");
  create.Print("step: veth pair on the bridge");
  configure.Print("step: lo, eth0, addresses, routes");
  carrier.Print("step: carrier");
  ipv6_ready.Print("step: IPv6 address usable");
}

void MeasurePods(Bridge& bridge, const char* name, const std::vector<PortMapping>& ports, bool close_netns) {
  Samples attach, detach;
  for (int i = 0; i < kRounds; ++i) {
    Pod pod = NewPod();
    std::vector<IpAddress> addresses = OrDie(bridge.AllocateAddresses());
    attach.Time([&] { pod.attachment = OrDie(bridge.Attach(pod.id, pod.netns.get(), addresses, ports)); });
    if (close_netns) pod.netns.Reset();
    detach.Time([&] { OrDie(bridge.Detach(pod.id, pod.attachment)); });
    bridge.ReleaseAddresses(addresses);
    if (!close_netns) bridge.WaitForRemovals();
  }
  bridge.WaitForRemovals();
  attach.Print((std::string("Attach ") + name).c_str());
  detach.Print((std::string("Detach ") + name).c_str());
}

void Measure(Bridge& bridge, uint32_t bridge_index, size_t present) {
  std::vector<Pod> others;
  for (size_t i = 0; i < present; ++i) {
    others.push_back(NewPod());
    Pod& pod = others.back();
    pod.attachment = OrDie(bridge.Attach(pod.id, pod.netns.get(), OrDie(bridge.AllocateAddresses()), {}));
  }
  printf("%zu pods present                                 median       p90\n", present);
  MeasureSteps(bridge_index);
  PortMapping tcp{Protocol::kTcp, "", 8080, 80};
  PortMapping udp{Protocol::kUdp, "", 8080, 80};
  MeasurePods(bridge, "without host ports", {}, /*close_netns=*/false);
  MeasurePods(bridge, "with a TCP port", {tcp}, /*close_netns=*/false);
  MeasurePods(bridge, "with a TCP and a UDP port", {tcp, udp}, /*close_netns=*/false);
  MeasurePods(bridge, "while namespaces of others go", {}, /*close_netns=*/true);
  for (Pod& pod : others) OrDie(bridge.Detach(pod.id, pod.attachment));
  Samples removal;
  removal.Time([&] { bridge.WaitForRemovals(); });
  if (present > 0) removal.Print("all of them detached: interfaces gone after");
}

int Main(const std::vector<size_t>& populations) {
  rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  if (unshare(CLONE_NEWNET) < 0) {
    perror("unshare");
    return 1;
  }
  OrDie(BringLoopbackUp(OrDie(NsHandle::OfSelf("net")).get()));
  std::vector<Subnet> subnets = {OrDie(ParseSubnet("10.80.0.0/16")), OrDie(ParseSubnet("fd00:80::/64"))};
  std::unique_ptr<Bridge> bridge = OrDie(Bridge::Open({.name = "davit0", .subnets = subnets}));
  NetlinkSocket socket = OrDie(NetlinkSocket::Open(NETLINK_ROUTE));
  uint32_t bridge_index = OrDie(FindLink(socket, "davit0"))->index;
  for (size_t present : populations) Measure(*bridge, bridge_index, present);
  return 0;
}

}  // namespace
}  // namespace davit::cni

int main(int argc, char** argv) {
  std::vector<size_t> populations;
  for (int i = 1; i < argc; ++i) populations.push_back(strtoul(argv[i], nullptr, 10));
  return davit::cni::Main(populations.empty() ? std::vector<size_t>{0, 100, 300} : populations);
}
