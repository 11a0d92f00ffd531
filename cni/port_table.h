// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The NAT table of a bridge as its owner sees it.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/host_ports.h"
#include "cni/nat_table.h"
#include "cni/netlink.h"

namespace davit {

// Thread-safe. The table belongs to the socket inside where the kernel knows ownership: a second instance
// with the same table is refused, and other programs cannot change it.
class PortTable {
 public:
  // In the calling thread's network namespace. Nothing is made before Restore.
  static Result<std::unique_ptr<PortTable>> Open(NatTable table);

  // Makes the table, or takes over the one that an earlier process left, with its elements.
  // kFailedPrecondition when it belongs to a running process or is not ours at all.
  Result<> Restore() EXCLUDES(mutex_);

  // All or none. kAlreadyExists when another instance of Davit on this host holds one of them.
  Result<> Add(const std::vector<HostPort>& ports) EXCLUDES(mutex_);
  // What is not there is not missed.
  Result<> Remove(const std::vector<HostPort>& ports) EXCLUDES(mutex_);

  struct Difference {
    std::vector<HostPort> removed;
    std::vector<HostPort> added;
  };
  // Makes the elements equal to `wanted`.
  Result<Difference> Reconcile(const std::vector<HostPort>& wanted) EXCLUDES(mutex_);

  // kFailedPrecondition when the table is gone.
  Result<> Check() EXCLUDES(mutex_);
  Result<> Destroy() EXCLUDES(mutex_);

 private:
  PortTable(NatTable table, NetlinkSocket socket) : table_(std::move(table)), socket_(std::move(socket)) {}

  enum class Start : uint8_t { kKeepElements, kAnew };
  Result<> Make(uint32_t flags, Start start) REQUIRES(mutex_);
  Result<bool> Exists() REQUIRES(mutex_);
  Result<> Change(uint8_t type, const std::vector<HostPort>& ports) REQUIRES(mutex_);
  Result<std::vector<TableInfo>> OtherInstances() REQUIRES(mutex_);
  Result<> FailIfHeld(const std::vector<TableInfo>& others, const std::vector<HostPort>& ports)
      REQUIRES(mutex_);

  const NatTable table_;
  Mutex mutex_;
  NetlinkSocket socket_ GUARDED_BY(mutex_);
};

}  // namespace davit
