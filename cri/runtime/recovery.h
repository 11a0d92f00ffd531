// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Recovery at the daemon's start: makes records, shims, disk and kernel agree.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cri/runtime/recovery_load.h"
#include "cri/runtime/recovery_meet.h"
#include "cri/runtime/sandboxes.h"
#include "cri/runtime/shim_watch.h"
#include "images/image_lookup.h"

namespace davit::cri {

// Loads the records (recovery_load.cc), removes everything that no record names, and connects to the shims
// (recovery_meet.cc), whose reports are reconciled with the records (shim_watch.h). A pod that cannot be
// recovered is quarantined: it is listed as not ready, with the reason, so that the kubelet creates a new
// one.
class Recovery {
 public:
  // All must outlive the object.
  struct Ports {
    const Cgroups& cgroups;
    PodTable& pods;
    PodStore& records;
    images::ImageLookup& images;
    snapshotter::Snapshots& snapshots;
    PodNetwork& network;
    Shims& shims;
    Confinement& confinement;
    const PodDirectories& files;
    Announcer& announcer;
    ShimWatch& watch;
    Containers& containers;
    Sandboxes& sandboxes;
    const Logger& log;
    const Clock& clock;
  };
  explicit Recovery(const Ports& ports) : ports_(ports) {}

  // Called once, before serving. Returns when all shims have answered, or after `patience`: a shim that hangs
  // is reconciled when it answers. Returns an error only if the records cannot be read at all. Writable
  // layers in `kept_layers` stay, also those that no container's record names.
  Result<> Run(std::chrono::milliseconds patience, const std::set<std::string>& kept_layers = {});
  // Afterwards no shim is connected any more. Call it before the connections are closed.
  void Join() {
    if (meeting_ != nullptr) meeting_->Join();
  }

 private:
  void RecoverNetwork(const std::vector<SandboxPtr>& sandboxes, RecordLoader& loader);
  void CollectOrphans(const std::set<std::string>& sandboxes, std::set<std::string> writable_layers);
  void CollectCgroups(const std::vector<SandboxPtr>& sandboxes);
  Result<> RemoveUnknownCgroups(const std::string& parent, const std::set<std::string>& known);
  void LogSummary(size_t pods, const MeetingCounts& counts, size_t strays, const RecordLoader& loader) const;

  const Ports ports_;
  std::unique_ptr<RecoveryMeeting> meeting_;
};

}  // namespace davit::cri
