// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Access to the nftables tables of a bridge for their owner.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/bridge_tables.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"

namespace davit::cni {

// Thread-safe. On kernels with table ownership (Linux 6.9) the socket of this object owns the tables: a
// second instance with the same tables is refused, and other programs cannot change them.
class PortTable {
 public:
  // Opens a socket in the calling thread's network namespace. Creates no table before Restore.
  static Result<std::unique_ptr<PortTable>> Open(BridgeTables tables);

  // Creates the tables, or takes over those of an earlier process; their elements stay unless the maps have
  // another shape. kFailedPrecondition if they belong to a running process or are not ours.
  Result<> Restore() EXCLUDES(mutex_);

  // All or none, up to 512 ports (one transaction). kAlreadyExists if another instance of Davit on this host
  // holds one of them.
  Result<> Add(const std::vector<HostPort>& ports) EXCLUDES(mutex_);
  // Ignores missing ports.
  Result<> Remove(const std::vector<HostPort>& ports) EXCLUDES(mutex_);

  struct Difference {
    std::vector<HostPort> removed;
    std::vector<HostPort> added;
  };
  // Makes the elements equal to `wanted` and returns the changes.
  Result<Difference> Reconcile(const std::vector<HostPort>& wanted) EXCLUDES(mutex_);

  // kFailedPrecondition if a table is missing.
  Result<> Check() EXCLUDES(mutex_);
  Result<> Destroy() EXCLUDES(mutex_);

 private:
  PortTable(BridgeTables tables, NetlinkSocket socket)
      : tables_(std::move(tables)), socket_(std::move(socket)) {}

  enum class Start : uint8_t { kKeepElements, kAnew };
  Result<> Make(Start start) REQUIRES(mutex_);
  Result<size_t> CountPresent() REQUIRES(mutex_);
  Result<> Change(uint8_t type, const std::vector<HostPort>& ports) REQUIRES(mutex_);
  Result<std::vector<TableInfo>> OtherInstances() REQUIRES(mutex_);
  Result<> FailIfHeld(const std::vector<TableInfo>& others, const std::vector<HostPort>& ports)
      REQUIRES(mutex_);

  const BridgeTables tables_;
  Mutex mutex_;
  NetlinkSocket socket_ GUARDED_BY(mutex_);
  uint32_t flags_ GUARDED_BY(mutex_) = kNftTableOwned | kNftTablePersistent;
};

}  // namespace davit::cni
