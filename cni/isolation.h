// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Keeps the bridges of several networks apart: the same number of rules, however many there are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/netlink.h"
#include "cni/subnet.h"

namespace davit::cni {

struct IsolatedNetwork {
  std::string bridge;
  bool internal = false;  // no way out, not even to the host
  std::vector<IpAddress> gateways = {};

  bool operator==(const IsolatedNetwork&) const = default;
};

// A table of nftables of its own. What comes from one of the bridges and would leave through another one is
// dropped, except for connections through our own host ports, which are open to everybody. What comes from
// or goes to an internal network is dropped, too, and its pods reach no port of the host but the DNS
// responder at the gateway; the host itself reaches the pods.
//
// Thread-safe. On kernels with table ownership the socket of this object owns the table, as in PortTable.
class Isolation {
 public:
  // Opens a socket in the calling thread's network namespace. Changes nothing before Ensure.
  static Result<std::unique_ptr<Isolation>> Open(std::string table, bool owned = true);

  // Makes the rules for these networks, or no table for less than two; true if something was not as needed.
  // One transaction: there is no moment without rules. kFailedPrecondition if the table belongs to somebody
  // else.
  Result<bool> Ensure(const std::vector<IsolatedNetwork>& networks) EXCLUDES(mutex_);

 private:
  Isolation(std::string table, uint32_t flags, NetlinkSocket socket)
      : table_(std::move(table)), socket_(std::move(socket)), flags_(flags) {}
  Result<bool> Exists() REQUIRES(mutex_);
  Result<> Make(const std::vector<IsolatedNetwork>& networks, bool exists) REQUIRES(mutex_);

  const std::string table_;
  Mutex mutex_;
  NetlinkSocket socket_ GUARDED_BY(mutex_);
  uint32_t flags_ GUARDED_BY(mutex_);
  std::vector<IsolatedNetwork> made_ GUARDED_BY(mutex_);  // the networks that the rules are for
  std::string content_ GUARDED_BY(mutex_);                // as DumpRules gave it then
};

}  // namespace davit::cni
