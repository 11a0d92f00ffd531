// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

namespace davit::cni {
namespace {

// The kernel's answers to one batch must fit into the socket's receive buffer (212,992 bytes by default).
constexpr size_t kDeletionsPerBatch = 64;

// Requests in batches of a bounded size.
class Deletions {
 public:
  NetlinkBatch& Next() {
    if (count_++ % kDeletionsPerBatch == 0) batches_.emplace_back();
    return batches_.back();
  }
  // Executes all of them; the error is the first.
  Result<> Execute(NetlinkSocket& conntrack, int ignored_errno) {
    Result<> first;
    for (NetlinkBatch& batch : batches_) {
      Result<> done = Unless(conntrack.Execute(batch), ignored_errno);
      if (first && !done) first = std::move(done);
    }
    return first;
  }

 private:
  std::vector<NetlinkBatch> batches_;
  size_t count_ = 0;
};

// Which fields of a tuple CTA_FILTER compares (nf_internals.h of the kernel; not in its uapi headers).
constexpr uint32_t kIpSource = 1 << 0, kIpDestination = 1 << 1, kProtocolNumber = 1 << 3,
                   kSourcePort = 1 << 4, kDestinationPort = 1 << 5;

// Which family a deletion without an exact tuple is for; with version 0 it is for all.
constexpr uint8_t kFamilyCounts = 1;

nlmsghdr* AddRequest(NetlinkBatch& batch, const char* step, uint8_t type, uint16_t flags, int family) {
  nlmsghdr* message = nullptr;
  auto* header = batch.Add<nfgenmsg>(step, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &message);
  header->nfgen_family = static_cast<uint8_t>(family);
  header->version = kFamilyCounts;
  return message;
}

void PutProtocol(nlmsghdr* message, uint16_t port_attribute, uint16_t port) {
  nlattr* protocol = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_UDP);
  mnl_attr_put_u16(message, port_attribute, htons(port));
  mnl_attr_nest_end(message, protocol);
}

void PutAddress(nlmsghdr* message, uint16_t attribute, const IpAddress& address) {
  nlattr* ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
  mnl_attr_put(message, attribute, address.size(), address.bytes.data());
  mnl_attr_nest_end(message, ip);
}

void AppendFilteredDeletion(NetlinkBatch& batch, const HostPort& port, Flows flows) {
  bool ipv4 = port.pod.family == AF_INET;
  nlmsghdr* message = AddRequest(batch, "forget UDP flows", IPCTNL_MSG_CT_DELETE, NLM_F_ACK, port.pod.family);
  uint32_t original = kProtocolNumber | kDestinationPort;
  uint32_t reply = 0;
  nlattr* tuple = mnl_attr_nest_start(message, CTA_TUPLE_ORIG);
  if (!port.host_ip.IsUnspecified()) {
    original |= kIpDestination;
    PutAddress(message, ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, port.host_ip);
  }
  PutProtocol(message, CTA_PROTO_DST_PORT, port.port);
  mnl_attr_nest_end(message, tuple);
  if (flows == Flows::kIntoPod) {
    reply = kIpSource | kProtocolNumber | kSourcePort;
    tuple = mnl_attr_nest_start(message, CTA_TUPLE_REPLY);
    PutAddress(message, ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, port.pod);
    PutProtocol(message, CTA_PROTO_SRC_PORT, port.pod_port);
    mnl_attr_nest_end(message, tuple);
  }
  nlattr* filter = mnl_attr_nest_start(message, CTA_FILTER);
  mnl_attr_put_u32(message, CTA_FILTER_ORIG_FLAGS, original);
  mnl_attr_put_u32(message, CTA_FILTER_REPLY_FLAGS, reply);
  mnl_attr_nest_end(message, filter);
}

struct Tuple {
  std::string source, destination;  // addresses in network byte order
  uint8_t protocol = 0;
  uint16_t source_port = 0, destination_port = 0;
};

uint16_t PortOf(const nlattr* attribute) {
  std::string_view bytes = AttributeBytes(attribute);
  if (bytes.size() != 2) return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 | static_cast<uint8_t>(bytes[1]));
}

Tuple ParseTuple(const nlattr* nest) {
  std::vector<const nlattr*> parts = ParseNested(nest, CTA_TUPLE_PROTO);
  std::vector<const nlattr*> ip = ParseNested(parts[CTA_TUPLE_IP], CTA_IP_V6_DST);
  std::vector<const nlattr*> protocol = ParseNested(parts[CTA_TUPLE_PROTO], CTA_PROTO_DST_PORT);
  bool ipv4 = ip[CTA_IP_V4_SRC] != nullptr;
  Tuple tuple;
  tuple.source = AttributeBytes(ip[ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC]);
  tuple.destination = AttributeBytes(ip[ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST]);
  std::string_view number = AttributeBytes(protocol[CTA_PROTO_NUM]);
  tuple.protocol = number.empty() ? 0 : static_cast<uint8_t>(number[0]);
  tuple.source_port = PortOf(protocol[CTA_PROTO_SRC_PORT]);
  tuple.destination_port = PortOf(protocol[CTA_PROTO_DST_PORT]);
  return tuple;
}

bool Matches(const HostPort& port, Flows flows, const Tuple& original, const Tuple& reply) {
  if (original.protocol != IPPROTO_UDP || original.destination_port != port.port) return false;
  if (original.destination.size() != port.pod.size()) return false;
  if (!port.host_ip.IsUnspecified() && original.destination != port.host_ip.wire()) return false;
  return flows == Flows::kToHostPort ||
         (reply.source == port.pod.wire() && reply.source_port == port.pod_port);
}

std::vector<HostPort> UdpOnly(const std::vector<HostPort>& ports) {
  std::vector<HostPort> udp;
  std::ranges::copy_if(ports, std::back_inserter(udp),
                       [](const HostPort& p) { return p.protocol == Protocol::kUdp; });
  return udp;
}

// One flow's exact deletion, from the tuple as the kernel gave it.
void AppendDeletion(NetlinkBatch& batch, const nlmsghdr* flow, const std::vector<const nlattr*>& attributes) {
  const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(flow));
  nlmsghdr* message =
      AddRequest(batch, "forget UDP flow", IPCTNL_MSG_CT_DELETE, NLM_F_ACK, header->nfgen_family);
  for (uint16_t type : {CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE}) {
    if (attributes[type] == nullptr) continue;
    std::string_view bytes = AttributeBytes(attributes[type]);
    mnl_attr_put(message, attributes[type]->nla_type, bytes.size(), bytes.data());
  }
}

}  // namespace

Result<> ForgetUdpFlows(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows) {
  Deletions deletions;
  for (const HostPort& port : UdpOnly(ports)) AppendFilteredDeletion(deletions.Next(), port, flows);
  Result<> done = deletions.Execute(conntrack, /*ignored_errno=*/0);
  // An older kernel takes the incomplete tuple for a whole one, and refuses it.
  if (!done && (done.error().os_errno == EINVAL || done.error().os_errno == EOPNOTSUPP))
    return ForgetUdpFlowsByDump(conntrack, ports, flows);
  return done;
}

Result<> ForgetUdpFlowsByDump(NetlinkSocket& conntrack, const std::vector<HostPort>& ports, Flows flows) {
  std::vector<HostPort> udp = UdpOnly(ports);
  if (udp.empty()) return {};
  Deletions deletions;
  NetlinkBatch dump;
  AddRequest(dump, "list flows", IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
  // What is deleted while the table is read may be seen twice: an ENOENT says that it is gone, as wanted.
  TRY(conntrack.Dump(
      dump,
      [&](const nlmsghdr* flow) {
        std::vector<const nlattr*> attributes = ParseAttributes(flow, sizeof(nfgenmsg), CTA_MAX);
        Tuple original = ParseTuple(attributes[CTA_TUPLE_ORIG]);
        Tuple reply = ParseTuple(attributes[CTA_TUPLE_REPLY]);
        if (std::ranges::any_of(udp, [&](const HostPort& p) { return Matches(p, flows, original, reply); }))
          AppendDeletion(deletions.Next(), flow, attributes);
      },
      [] {}));
  return deletions.Execute(conntrack, ENOENT);
}

}  // namespace davit::cni
