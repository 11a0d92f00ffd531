// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a container can be asked for besides the CRI's request.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cri/spec/container_plan.h"
#include "cri/spec/mounts.h"
#include "snapshotter/snapshots.h"

namespace davit::cri {

// A writable layer that outlives its container (ContainerRecord::kept_layer). The caller ensures that no
// other container with it runs.
struct KeptLayer {
  std::string id;
  snapshotter::LayerLife life = snapshotter::LayerLife::kDurable;
  bool may_be_new = true;  // else a start without the layer fails: its files are lost
};

struct ContainerExtras {
  std::optional<KeptLayer> kept_layer;
  // Container paths of mounts whose host path must exist at each start; others are made, as the CRI requires.
  std::set<std::string> required_sources;
  std::vector<TmpfsRequest> tmpfs;
  NamedGroups groups;
  std::vector<shim::Rlimit> rlimits;  // instead of those of all containers
};

}  // namespace davit::cri
