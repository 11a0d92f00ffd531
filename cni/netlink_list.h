// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <vector>

#include "base/error.h"
#include "cni/netlink.h"

namespace davit {

// The answers to one dump request, as `parse(reply, list)` adds them to the list; what NetlinkSocket::Dump
// begins again is forgotten.
template <typename Item, typename Parse>
Result<std::vector<Item>> DumpList(NetlinkSocket& socket, NetlinkBatch& batch, const Parse& parse) {
  std::vector<Item> list;
  TRY(socket.Dump(batch, [&](const nlmsghdr* reply) { parse(reply, list); }, [&] { list.clear(); }));
  return list;
}

}  // namespace davit
