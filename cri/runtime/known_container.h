// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the daemon knows of a container at some time, to be compared with a shim's report.
#pragma once

#include "cri/pods/pod.h"

namespace davit::cri {

struct KnownContainer {
  ContainerPtr container;
  ContainerPhase phase;
  bool start_in_flight;
};

inline KnownContainer KnownNow(const ContainerPtr& container) {
  // In this order: a start that begins in between must not be seen as one that was left behind.
  ContainerPhase phase = container->record().Read([](const ContainerRecord& r) { return r.phase; });
  return {container, phase, container->start_in_flight()};
}

}  // namespace davit::cri
