// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/traffic_limit.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "cni/netlink_list.h"
#include "cni/sysctl.h"

namespace davit::cni {
namespace {

constexpr uint32_t kRootHandle = 1 << 16;        // "1:"
constexpr uint32_t kIngressHandle = 0xffff0000;  // "ffff:", as the kernel wants it
constexpr uint32_t kFilterPriority = 1 << 16;
constexpr uint64_t kSmallestBurst = 32 << 10;  // bytes
constexpr uint64_t kLargestBurst = 1 << 30;
constexpr uint64_t kBurstsPerSecond = 50;  // 20 ms each
constexpr uint64_t kDelaysPerSecond = 40;  // a packet waits for at most 25 ms
constexpr size_t kHostPrefix = 4;          // "veth"

uint64_t BytesPerSecond(const RateLimit& limit) {
  return std::max<uint64_t>(limit.bits_per_second / 8, 1);
}

// Runtimes that know no burst ask for the largest number there is: that would be no limit for half a
// gigabyte.
uint32_t BurstBytes(const RateLimit& limit, uint32_t mtu) {
  bool chosen = limit.burst_bits != 0 && limit.burst_bits < std::numeric_limits<uint32_t>::max();
  uint64_t bytes =
      chosen ? limit.burst_bits / 8 : std::max(BytesPerSecond(limit) / kBurstsPerSecond, kSmallestBurst);
  // A packet that is larger than the bucket never passes.
  return static_cast<uint32_t>(std::clamp(bytes, uint64_t{mtu} + ETH_HLEN, kLargestBurst));
}

tcmsg* AddTrafficRequest(NetlinkBatch& batch, const char* step, uint16_t type, uint16_t flags, uint32_t index,
                         nlmsghdr** message) {
  auto* header = batch.Add<tcmsg>(step, type, flags, message);
  header->tcm_family = AF_UNSPEC;
  header->tcm_ifindex = static_cast<int>(index);
  return header;
}

void AddTokenBucket(NetlinkBatch& batch, uint32_t index, const RateLimit& limit, uint32_t mtu) {
  nlmsghdr* message = nullptr;
  auto* header = AddTrafficRequest(batch, "limit traffic", RTM_NEWQDISC,
                                   NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, index, &message);
  header->tcm_parent = TC_H_ROOT;
  header->tcm_handle = kRootHandle;
  uint64_t rate = BytesPerSecond(limit);
  uint64_t waiting = BurstBytes(limit, mtu) + std::min<uint64_t>(rate / kDelaysPerSecond, kLargestBurst);
  tc_tbf_qopt options{};
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;
  options.rate.rate = static_cast<uint32_t>(std::min<uint64_t>(rate, std::numeric_limits<uint32_t>::max()));
  options.limit = static_cast<uint32_t>(waiting);
  mnl_attr_put_strz(message, TCA_KIND, "tbf");
  nlattr* nest = mnl_attr_nest_start(message, TCA_OPTIONS);
  mnl_attr_put(message, TCA_TBF_PARMS, sizeof options, &options);
  mnl_attr_put_u32(message, TCA_TBF_BURST, BurstBytes(limit, mtu));
  if (rate > std::numeric_limits<uint32_t>::max()) mnl_attr_put_u64(message, TCA_TBF_RATE64, rate);
  mnl_attr_nest_end(message, nest);
}

void AddIngress(NetlinkBatch& batch, uint32_t index) {
  nlmsghdr* message = nullptr;
  auto* header =
      AddTrafficRequest(batch, "make ingress queue", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_ACK, index, &message);
  header->tcm_parent = TC_H_INGRESS;
  header->tcm_handle = kIngressHandle;
  mnl_attr_put_strz(message, TCA_KIND, "ingress");
}

// A filter of tc-u32(8) that matches every packet: other classifiers are options of kernels.
void AddRedirect(NetlinkBatch& batch, uint32_t from, uint32_t to) {
  nlmsghdr* message = nullptr;
  auto* header = AddTrafficRequest(batch, "redirect traffic", RTM_NEWTFILTER,
                                   NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, from, &message);
  header->tcm_parent = kIngressHandle;
  header->tcm_info = kFilterPriority | htons(ETH_P_ALL);
  mnl_attr_put_strz(message, TCA_KIND, "u32");
  nlattr* options = mnl_attr_nest_start(message, TCA_OPTIONS);
  // The selector is followed by its keys; one of zeros compares nothing.
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  std::array<char, sizeof selector + sizeof(tc_u32_key)> match{};
  memcpy(match.data(), &selector, sizeof selector);
  mnl_attr_put(message, TCA_U32_SEL, match.size(), match.data());
  nlattr* actions = mnl_attr_nest_start(message, TCA_U32_ACT);
  nlattr* action = mnl_attr_nest_start(message, 1);
  mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
  nlattr* parameters = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
  tc_mirred redirect{};
  redirect.action = TC_ACT_STOLEN;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = to;
  mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof redirect, &redirect);
  mnl_attr_nest_end(message, parameters);
  mnl_attr_nest_end(message, action);
  mnl_attr_nest_end(message, actions);
  mnl_attr_nest_end(message, options);
}

// ENOENT: the link has only the default queue; EINVAL: it has no ingress queue.
Result<> RemoveQueue(NetlinkSocket& routes, uint32_t index, uint32_t parent) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  AddTrafficRequest(batch, "remove queue", RTM_DELQDISC, NLM_F_ACK, index, &message)->tcm_parent = parent;
  return Unless(Unless(routes.Execute(batch), ENOENT), EINVAL);
}

void AddIfb(NetlinkBatch& batch, const std::string& name) {
  nlmsghdr* message = nullptr;
  batch.Add<ifinfomsg>("create ifb", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &message);
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "ifb");
  mnl_attr_nest_end(message, info);
}

// Without an IPv6 address it says nothing of its own.
void AddIfbOptions(NetlinkBatch& batch, const std::string& name, const std::string& alias) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<ifinfomsg>("set ifb options", RTM_NEWLINK, NLM_F_ACK, &message);
  header->ifi_flags = header->ifi_change = IFF_UP;
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  mnl_attr_put_strz(message, IFLA_IFALIAS, alias.c_str());
  if (KernelHasIpv6()) PutNoIpv6Address(message);
}

Result<Link> EnsureIfb(NetlinkSocket& routes, const Link& host) {
  std::string name = IfbName(host.name);
  NetlinkBatch creation;
  AddIfb(creation, name);
  TRY(Unless(routes.Execute(creation), EEXIST));
  std::optional<Link> found = TRY(FindLink(routes, name));
  if (!found || found->kind != "ifb" || (!found->alias.empty() && found->alias != host.alias))
    return Fail(Code::kAlreadyExists, "create ifb", name, "the link is not ours");
  NetlinkBatch options;
  AddIfbOptions(options, name, host.alias);
  TRY(routes.Execute(options));
  return *found;
}

Result<> RemoveIfb(NetlinkSocket& routes, const Link& host) {
  std::optional<Link> ifb = TRY(FindLink(routes, IfbName(host.name)));
  if (!ifb || ifb->kind != "ifb" || ifb->alias != host.alias) return {};
  return DeleteLink(routes, ifb->index);
}

Result<> LimitEgress(NetlinkSocket& routes, const Link& host, const RateLimit& limit) {
  TRY(RemoveQueue(routes, host.index, TC_H_INGRESS));
  if (limit.bits_per_second == 0) return RemoveIfb(routes, host);
  Link ifb = TRY(EnsureIfb(routes, host));
  NetlinkBatch batch;
  AddTokenBucket(batch, ifb.index, limit, host.mtu);
  AddIngress(batch, host.index);
  AddRedirect(batch, host.index, ifb.index);
  return routes.Execute(batch);
}

Result<> LimitIngress(NetlinkSocket& routes, const Link& host, const RateLimit& limit) {
  if (limit.bits_per_second == 0) return RemoveQueue(routes, host.index, TC_H_ROOT);
  NetlinkBatch batch;
  AddTokenBucket(batch, host.index, limit, host.mtu);
  return routes.Execute(batch);
}

// The rate of a token bucket at the root of a link.
std::optional<std::pair<uint32_t, uint64_t>> ParseTokenBucket(const nlmsghdr* message) {
  const auto* header = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
  if (message->nlmsg_type != RTM_NEWQDISC || header->tcm_parent != TC_H_ROOT) return std::nullopt;
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof *header, TCA_OPTIONS);
  if (AttributeText(attributes[TCA_KIND]) != "tbf") return std::nullopt;
  std::vector<const nlattr*> options = ParseNested(attributes[TCA_OPTIONS], TCA_TBF_RATE64);
  std::string_view parameters = AttributeBytes(options[TCA_TBF_PARMS]);
  if (parameters.size() < sizeof(tc_tbf_qopt)) return std::nullopt;
  tc_tbf_qopt bucket{};
  memcpy(&bucket, parameters.data(), sizeof bucket);
  uint64_t rate = bucket.rate.rate;
  if (options[TCA_TBF_RATE64] != nullptr && mnl_attr_get_payload_len(options[TCA_TBF_RATE64]) == sizeof rate)
    rate = mnl_attr_get_u64(options[TCA_TBF_RATE64]);
  return std::pair(static_cast<uint32_t>(header->tcm_ifindex), rate);
}

// The target of a filter like AddRedirect's; no value for others.
std::optional<uint32_t> ParseRedirect(const nlmsghdr* message) {
  std::vector<const nlattr*> attributes = ParseAttributes(message, sizeof(tcmsg), TCA_OPTIONS);
  if (message->nlmsg_type != RTM_NEWTFILTER || AttributeText(attributes[TCA_KIND]) != "u32")
    return std::nullopt;
  std::vector<const nlattr*> options = ParseNested(attributes[TCA_OPTIONS], TCA_U32_ACT);
  std::vector<const nlattr*> action = ParseNested(ParseNested(options[TCA_U32_ACT], 1)[1], TCA_ACT_OPTIONS);
  if (AttributeText(action[TCA_ACT_KIND]) != "mirred") return std::nullopt;
  std::string_view parameters =
      AttributeBytes(ParseNested(action[TCA_ACT_OPTIONS], TCA_MIRRED_PARMS)[TCA_MIRRED_PARMS]);
  if (parameters.size() < sizeof(tc_mirred)) return std::nullopt;
  tc_mirred redirect{};
  memcpy(&redirect, parameters.data(), sizeof redirect);
  return redirect.ifindex;
}

Result<std::vector<uint32_t>> ListRedirects(NetlinkSocket& routes, uint32_t index) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  AddTrafficRequest(batch, "list filters", RTM_GETTFILTER, NLM_F_DUMP, index, &message)->tcm_parent =
      kIngressHandle;
  return DumpList<uint32_t>(routes, batch, [](const nlmsghdr* reply, auto& targets) {
    if (auto target = ParseRedirect(reply)) targets.push_back(*target);
  });
}

uint64_t RateOf(const TrafficFacts& facts, uint32_t index) {
  auto found = facts.rates.find(index);
  return found != facts.rates.end() ? found->second : 0;
}

uint64_t WantedRate(const RateLimit& limit) {
  return limit.bits_per_second != 0 ? BytesPerSecond(limit) : 0;
}

}  // namespace

std::string IfbName(const std::string& host_interface) {
  return "ifb-" + host_interface.substr(std::min(kHostPrefix, host_interface.size()));
}

Result<> LimitTraffic(NetlinkSocket& routes, const Link& host, const TrafficLimits& limits) {
  TRY(LimitIngress(routes, host, limits.ingress));
  return LimitEgress(routes, host, limits.egress);
}

Result<TrafficFacts> ListTrafficLimits(NetlinkSocket& routes, const std::vector<Link>& links,
                                       const std::map<std::string, TrafficLimits>& names) {
  NetlinkBatch batch;
  nlmsghdr* message = nullptr;
  AddTrafficRequest(batch, "list queues", RTM_GETQDISC, NLM_F_DUMP, 0, &message);
  using Rates = std::vector<std::pair<uint32_t, uint64_t>>;
  Rates rates = TRY((DumpList<Rates::value_type>(routes, batch, [](const nlmsghdr* reply, auto& found) {
    if (auto rate = ParseTokenBucket(reply)) found.push_back(*rate);
  })));
  TrafficFacts facts{{rates.begin(), rates.end()}, {}};
  for (const Link& link : links) {
    if (link.kind != "veth" || !names.contains(link.name)) continue;
    for (uint32_t target : TRY(ListRedirects(routes, link.index))) facts.redirects[link.index] = target;
  }
  return facts;
}

bool AreLimited(const TrafficFacts& facts, const Link& host, const Link* ifb, const TrafficLimits& limits) {
  if (RateOf(facts, host.index) != WantedRate(limits.ingress)) return false;
  auto redirect = facts.redirects.find(host.index);
  if (limits.egress.bits_per_second == 0) return redirect == facts.redirects.end();
  return ifb != nullptr && (ifb->flags & IFF_UP) != 0 && redirect != facts.redirects.end() &&
         redirect->second == ifb->index && RateOf(facts, ifb->index) == WantedRate(limits.egress);
}

}  // namespace davit::cni
