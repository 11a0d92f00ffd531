// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The nftables of a bridge as their owner sees them.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/bridge_tables.h"
#include "cni/host_ports.h"
#include "cni/netlink.h"

namespace davit {

// Thread-safe. The tables belong to the socket inside where the kernel knows ownership: a second instance
// with the same tables is refused, and other programs cannot change them.
class PortTable {
 public:
  // In the calling thread's network namespace. Nothing is made before Restore.
  static Result<std::unique_ptr<PortTable>> Open(BridgeTables tables);

  // Makes the tables, or takes over those that an earlier process left, with their elements.
  // kFailedPrecondition when they belong to a running process or are not ours at all.
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

  // kFailedPrecondition when a table is gone.
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

}  // namespace davit
