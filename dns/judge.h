// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Decides what becomes of one packet from a container. Pure but for the names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cni/subnet.h"
#include "dns/message.h"
#include "dns/names.h"

namespace davit::dns {

// What a network's responder answers by itself, and what it passes to other resolvers.
struct Zone {
  std::vector<cni::Subnet> subnets;  // of the network: nobody else is asked for names of their addresses
  bool forwards = true;              // false: a name that is not known here does not exist
};

struct Verdict {
  enum class Kind : uint8_t { kIgnore, kAnswer, kForward };
  Kind kind = Kind::kIgnore;
  std::string answer;  // of kAnswer
  Query query;         // of kForward
};

// A name of a member is answered for every type, so that no question about it leaves the node. Names of one
// label are not forwarded: resolvers elsewhere know none, and those of containers that do not run would leak.
Verdict Judge(std::string_view packet, Transport transport, const Zone& zone, const Names& names);

}  // namespace davit::dns
