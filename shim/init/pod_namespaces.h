// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The namespaces of a pod, held open by the shim.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// An empty descriptor means the host's namespace, where the shim itself is.
struct PodNamespaces {
  UniqueFd user;  // owns the others
  UniqueFd net;
  UniqueFd ipc;
  UniqueFd uts;
};

struct NamespaceChoice {
  bool net = true;
  bool ipc = true;
  bool uts = true;
};

// The namespaces that a container shares with its pod.
NamespaceChoice NamespacesOf(const ContainerPlan& plan);

// Moves the caller into the chosen namespaces of the pod.
Result<> JoinPodNamespaces(const PodNamespaces& pod, NamespaceChoice choice);

}  // namespace davit::shim
