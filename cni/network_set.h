// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any number of networks as one set of nftables, so that a rule has one look-up for all of them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

// By this name the kernel finds an anonymous set, together with its id, until the transaction ends.
constexpr char kAnonymousSet[] = "__set%d";

// Appends requests that make an anonymous set of these networks, all of `family`, in the table of family
// inet: it lives and ends with the rule that uses it (NftRule::ToAnyOf), and nobody can change it. `id` names
// it within the transaction.
void AppendNetworkSet(NetlinkBatch& batch, const std::string& table, uint32_t id, int family,
                      const std::vector<Subnet>& networks);

// The same for names of interfaces; a pair of names is the input and the output interface
// (NftRule::InterfacePairAnyOf).
void AppendInterfaceSet(NetlinkBatch& batch, const std::string& table, uint32_t id,
                        const std::vector<std::string>& names);
void AppendInterfacePairSet(NetlinkBatch& batch, const std::string& table, uint32_t id,
                            const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace davit::cni
