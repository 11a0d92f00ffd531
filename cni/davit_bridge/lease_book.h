// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What processes of davit-bridge know of each other: the attachments of one network. A directory with one
// file per attachment, whose name says whose it is and which addresses it has. A process that is killed
// leaves the file or does not; one that removes a file needs no space on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/subnet.h"

namespace davit::cni {

struct Lease {
  AttachmentName name;
  std::vector<IpAddress> addresses;  // in the order in which they were chosen

  std::string Key() const;  // AttachmentKey
  bool Holds(const IpAddress& address) const;
};

// One process at a time has the book of a network open. Nothing is synced: after a power cut there is no
// network namespace to which a lease could belong, and the next process discards leases of an earlier boot.
// Other files in the directories stay: a data directory may be that of another plugin, too.
class LeaseBook {
 public:
  // Opens DATA_DIR/NETWORK, and makes it if it is missing. Waits while other processes have it open, up to
  // half a minute: kDeadlineExceeded.
  static Result<LeaseBook> Open(const std::string& data_dir, const std::string& network);

  LeaseBook(LeaseBook&&) = default;
  LeaseBook& operator=(LeaseBook&&) = default;

  const std::vector<Lease>& leases() const { return leases_; }
  const Lease* Find(const AttachmentName& name) const;
  const Lease* HolderOf(const IpAddress& address) const;

  // kAlreadyExists if the attachment has a lease.
  Result<> CheckFree(const AttachmentName& name) const;
  // Records the lease with its host ports (as JSON), durably against the end of the process. The
  // attachment must be free.
  Result<> Put(const Lease& lease, const std::string& ports_json);
  // No-op if there is none.
  Result<> Remove(const AttachmentName& name);

  // Empties the record of a lease's host ports; needs no space on the disk. No-op if there is no lease.
  Result<> ForgetPorts(const AttachmentName& name);

  // The host ports of a lease; empty if it has none.
  Result<std::string> PortsOf(const Lease& lease) const;

  // A note that later processes read; empty if there is none. Notes of an earlier boot are discarded.
  enum class Note : uint8_t {
    kLast,     // the addresses that were chosen last
    kSubnets,  // those of the bridge, if another plugin chooses addresses
    kRules,    // the rule set after the last run
  };
  Result<std::string> ReadNote(Note note) const;
  Result<> WriteNote(Note note, const std::string& text);

 private:
  LeaseBook(UniqueFd dir, UniqueFd leases, UniqueFd lock)
      : dir_(std::move(dir)), leases_dir_(std::move(leases)), lock_(std::move(lock)) {}
  Result<> ForgetEarlierBoot();
  Result<> Load();

  UniqueFd dir_;
  UniqueFd leases_dir_;
  UniqueFd lock_;
  bool boot_noted_ = false;
  std::vector<Lease> leases_;
};

}  // namespace davit::cni
