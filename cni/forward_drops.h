// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Firewalls of others that drop what is forwarded to and from pods. An accept of ours in another chain does
// not help against a drop: every chain of the hook has to accept a packet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

// A chain of the forward hook.
struct ForwardChain {
  uint8_t family = 0;  // NFPROTO_*
  std::string table;
  std::string chain;
  bool drops_by_policy = false;
  // The first rule that drops or rejects all that reaches it, counted from 1, as the last one of firewalld
  // and of iptables-services does; 0: there is none. Rules of other chains that the chain jumps to do not
  // count.
  size_t drops_at = 0;
  // A rule of its table names them (PodNames). Not asked of chains that drop nothing or that iptables keeps.
  bool knows_pods = false;

  bool Drops() const { return drops_by_policy || drops_at > 0; }
  // True if it is the chain that iptables-nft or ip6tables-nft keeps.
  bool IsOfIptables() const;
  std::string ToString() const;  // "table inet filter, chain forward"
  std::string Reason() const;    // why it drops, as a part of a sentence: "its policy is to drop"
};

// Those that see packets of the subnets' families. The kernel announces changes of them (BridgeWatch). Chains
// that iptables-legacy keeps are not among them.
Result<std::vector<ForwardChain>> ListForwardChains(NetlinkSocket& rules, const std::string& bridge,
                                                    const std::vector<Subnet>& subnets);

// Whether the chain has a rule of iptables with exactly this comment that packets reach (before drops_at).
Result<bool> HasRuleWithComment(NetlinkSocket& rules, const ForwardChain& chain, const std::string& comment);

}  // namespace davit::cni
