// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Access to the nftables tables of a bridge for their owner.
#pragma once

#include <atomic>
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
  // `owned`: own the tables if the kernel can.
  static Result<std::unique_ptr<PortTable>> Open(BridgeTables tables, bool owned);

  // Creates the tables, or takes over those of an earlier process; their elements stay unless the maps have
  // another shape. kFailedPrecondition if they belong to a running process or are not ours.
  Result<> Restore() EXCLUDES(mutex_);

  // kFailedPrecondition if a table of this name has the mark of somebody else. Changes nothing.
  Result<> CheckMark() EXCLUDES(mutex_);

  // For one of several short processes that use the tables in turns: restores them unless they are as the
  // process before has left them, to which Description() returned `known`. True if they were restored: their
  // elements may be gone.
  Result<bool> Resume(const std::string& known) EXCLUDES(mutex_);
  // Whether Resume would change nothing.
  Result<bool> IsAsDescribed(const std::string& known) EXCLUDES(mutex_);
  // What should be in the tables, elements apart, and what the kernel said after they were made.
  std::string Description() EXCLUDES(mutex_);

  // The host ports that are open now.
  Result<std::vector<HostPort>> List() EXCLUDES(mutex_);

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

  // Whether the kernel keeps others from changing the tables; false before Restore.
  bool owned() const { return owned_; }

  // The netlink port of the changes that this object makes.
  uint32_t port_id() const { return port_id_; }

  // Creates the tables anew if one is missing, if somebody has changed its chains or rules, or if other rules
  // are needed now; returns whether that was so.
  Result<bool> Repair(AnswersPass answers) EXCLUDES(mutex_);
  // kFailedPrecondition if a table is missing or was changed, or if it has other elements than these. Changes
  // nothing.
  Result<> Check(const std::vector<HostPort>& wanted) EXCLUDES(mutex_);
  Result<> Destroy() EXCLUDES(mutex_);

 private:
  PortTable(BridgeTables tables, uint32_t flags, NetlinkSocket socket)
      : port_id_(socket.port_id()), tables_(std::move(tables)), socket_(std::move(socket)), flags_(flags) {}

  enum class Start : uint8_t { kKeepElements, kAnew };
  Result<> RestoreTables() REQUIRES(mutex_);
  Result<> MakeAgain(bool intact) REQUIRES(mutex_);
  Result<Difference> Compare(const std::vector<HostPort>& wanted) REQUIRES(mutex_);
  Result<> Make(Start start) REQUIRES(mutex_);
  Result<bool> IsIntact() REQUIRES(mutex_);
  bool TakeDescription(const std::string& known) REQUIRES(mutex_);
  Result<size_t> CountPresent() REQUIRES(mutex_);
  Result<> Change(uint8_t type, const std::vector<HostPort>& ports) REQUIRES(mutex_);
  Result<std::vector<TableInfo>> OtherInstances() REQUIRES(mutex_);
  Result<> FailIfHeld(const std::vector<TableInfo>& others, const std::vector<HostPort>& ports)
      REQUIRES(mutex_);

  const uint32_t port_id_;
  std::atomic<bool> owned_ = false;
  Mutex mutex_;
  BridgeTables tables_ GUARDED_BY(mutex_);
  NetlinkSocket socket_ GUARDED_BY(mutex_);
  uint32_t flags_ GUARDED_BY(mutex_);       // of the tables
  std::string content_ GUARDED_BY(mutex_);  // as DumpRules gave it after the tables were made
};

}  // namespace davit::cni
