// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <optional>
#include <utility>

#include "cri/pods/pod.h"

namespace davit {

// What `measure` finds of a running container. Nothing as well when that ended while it was looked at: half
// of its figures would be missing.
template <typename Measure>
auto IfRunning(const Container& container, const Measure& measure) -> std::optional<decltype(measure())> {
  if (container.phase() != ContainerPhase::kRunning) return std::nullopt;
  auto figures = measure();
  if (container.phase() != ContainerPhase::kRunning) return std::nullopt;
  return std::optional(std::move(figures));
}

}  // namespace davit
