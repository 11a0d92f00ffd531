// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A daemon's start: records, shims, disk and kernel are made to agree.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "cri/runtime/recovery_load.h"
#include "cri/runtime/recovery_meet.h"
#include "cri/runtime/sandboxes.h"
#include "cri/runtime/shim_watch.h"
#include "images/image_lookup.h"

namespace davit {

// Loads the records (recovery_load.cc), collects what no record names, and meets the shims
// (recovery_meet.cc); what they say is reconciled with the records (shim_watch.h). A pod that cannot be
// recovered is quarantined: listed, not ready, with the reason, so that the kubelet makes a new one.
class Recovery {
 public:
  // All outlive the object.
  struct Ports {
    const Config& config;
    PodTable& pods;
    PodStore& records;
    ImageLookup& images;
    Snapshots& snapshots;
    PodNetwork& network;
    Shims& shims;
    Confinement& confinement;
    const PodDirectories& files;
    Announcer& announcer;
    ShimWatch& watch;
    Containers& containers;
    Sandboxes& sandboxes;
    const Logger& log;
  };
  explicit Recovery(const Ports& ports) : ports_(ports) {}

  // Called once, before serving. Returns within some seconds even when shims hang: they are reconciled when
  // they answer. An error: the records cannot be read at all.
  Result<> Run();

 private:
  void RecoverNetwork(const std::vector<SandboxPtr>& sandboxes, RecordLoader& loader);
  void CollectOrphans(const std::set<std::string>& sandboxes);
  void LogSummary(size_t pods, const MeetingCounts& counts, size_t strays,
                  const std::map<std::string, std::string>& quarantined) const;

  const Ports ports_;
  std::unique_ptr<RecoveryMeeting> meeting_;
};

}  // namespace davit
