// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Rules of iptables that let pods' packets through a FORWARD chain that drops, as other runtimes and the
// firewall plugin of CNI add them: Docker, ufw and many administrators set that policy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

struct ForwardAccepts {
  std::string bridge;
  std::vector<Subnet> subnets;
  // False: of what is sent to pods, only replies and translated connections (host ports, Services) pass, so
  // that the firewall still blocks connections to the pods' own addresses. True: everything passes, as pods
  // of a cluster expect.
  bool all_into_pods = false;
};

// A firewall of others that drops what it does not know.
struct ForwardDrop {
  enum class Pods : uint8_t { kAcceptedByUs, kLeftToOwner, kDropped };

  std::string chain;   // "table inet filter, chain forward", or "iptables-legacy, chain FORWARD"
  std::string reason;  // "its policy is to drop"
  Pods pods = Pods::kDropped;
};

struct ForwardReport {
  std::vector<std::string> found;  // and put right, for people
  std::vector<ForwardDrop> drops;  // as they are afterwards, as far as they were looked at
  // Why it is not known whether iptables-legacy drops packets of pods (the program is not installed, somebody
  // holds its lock). No reason to judge the network.
  std::string unknown;
};

// Adds each of the rules that is missing where they are needed: at the end of the chain, or before a rule
// that drops everything. Removes those that Davit does not add any more, by their comments.
// kFailedPrecondition names a chain that drops and that is not of iptables: what it lets through is its
// owner's decision. Works in the calling thread's network namespace. Fills `report` also when it fails.
Result<> LetForwardedThrough(NetlinkSocket& rules, const ForwardAccepts& accepts, ForwardReport& report);

// Removes the rules, as far as possible.
void RemoveForwardAccepts(NetlinkSocket& rules, const ForwardAccepts& accepts);

}  // namespace davit::cni
