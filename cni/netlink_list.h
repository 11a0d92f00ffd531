// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <vector>

#include "base/error.h"
#include "cni/netlink.h"

namespace davit::cni {

// Collects the answers to one dump request: calls `parse(reply, list)` for each, and clears the list when
// NetlinkSocket::Dump restarts.
template <typename Item, typename Parse>
Result<std::vector<Item>> DumpList(NetlinkSocket& socket, NetlinkBatch& batch, const Parse& parse) {
  std::vector<Item> list;
  TRY(socket.Dump(batch, [&](const nlmsghdr* reply) { parse(reply, list); }, [&] { list.clear(); }));
  return list;
}

}  // namespace davit::cni
