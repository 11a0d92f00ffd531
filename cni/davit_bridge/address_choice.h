// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The built-in IPAM: chooses a pod's addresses.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/davit_bridge/ipam_config.h"
#include "cni/davit_bridge/lease_book.h"
#include "cni/davit_bridge/result.h"
#include "cni/subnet.h"

namespace davit::cni {

// One address of each set, with the gateway of its subnet: those in `requested`, the others the next free
// ones behind `last`, the addresses that were chosen last, so that an address is reused as late as possible.
// kResourceExhausted: a set is full. kAlreadyExists names the holder of
// a requested address; kInvalidArgument a requested one that is in no range or the second of a set.
Result<std::vector<ResultAddress>> ChooseAddresses(const IpamConfig& ipam, const std::vector<Lease>& leases,
                                                   const std::vector<IpAddress>& requested,
                                                   const std::vector<IpAddress>& last);

}  // namespace davit::cni
