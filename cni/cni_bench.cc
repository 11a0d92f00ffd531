// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a pod's network costs, in a network namespace of its own: medians in microseconds, step by step and as
// a whole, on a bridge that has other pods already.
//
//   cni_bench [PODS_PRESENT...]        default: 0 100 300
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "base/ns_handle.h"
#include "cni/bridge.h"
#include "cni/names.h"
#include "cni/netns.h"

namespace davit::cni {
namespace {

constexpr int kRounds = 200;

template <typename T>
T OrDie(Result<T> result) {
  if (!result) {
    fprintf(stderr, "%s\n", result.error().ToString().c_str());
    exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Samples {
 public:
  void Time(const std::function<void()>& work) {
    auto start = std::chrono::steady_clock::now();
    work();
    values_.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  double Quantile(double q) {
    std::ranges::sort(values_);
    return values_.empty() ? 0 : values_[static_cast<size_t>(q * static_cast<double>(values_.size() - 1))];
  }

 private:
  std::vector<double> values_;
};

UniqueFd NewNetns() {
  UniqueFd fd;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) == 0) fd = OrDie(NsHandle::OfSelf("net")).Take();
  }).join();
  return fd;
}

struct Pod {
  std::string id;
  UniqueFd netns;
  Attachment attachment;
};

Pod NewPod() {
  return {OrDie(NewId()), NewNetns(), {}};
}

void Print(const char* name, Samples& samples) {
  printf("  %-44s %8.0f %8.0f\n", name, samples.Quantile(0.5), samples.Quantile(0.9));
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
    std::vector<PodAddress> addresses = {{ipv4, 16, OrDie(IpAddress::Parse("10.80.0.1"))},
                                         {ipv6, 64, OrDie(IpAddress::Parse("fd00:80::1"))}};
    VethPair pair{"floor", "floor", bridge_index, 0, PodMac(ipv4), true, netns.get()};
    enter.Time([&] { pod = OrDie(EnterPod(netns.get())); });
    create.Time([&] { OrDie(CreateVeth(host, pair)); });
    configure.Time([&] { OrDie(ConfigurePod(*pod, addresses)); });
    carrier.Time([&] { OrDie(SettleCarrier(host, pair)); });
    ipv6_ready.Time([&] { OrDie(SettleIpv6(*pod, addresses)); });
    OrDie(DeleteLink(host, OrDie(FindLink(host, "floor"))->index));
  }
  Print("step: socket in the pod's namespace", enter);
  Print("step: veth pair on the bridge", create);
  Print("step: lo, eth0, addresses, routes", configure);
  Print("step: carrier", carrier);
  Print("step: IPv6 address usable", ipv6_ready);
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
  Print((std::string("Attach ") + name).c_str(), attach);
  Print((std::string("Detach ") + name).c_str(), detach);
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
  if (present > 0) Print("all of them detached: interfaces gone after", removal);
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
