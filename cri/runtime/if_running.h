// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Figures of running containers only.
#pragma once

#include <optional>
#include <utility>

#include "cri/pods/pod.h"

namespace davit {

// What `measure` returns for a running container. Nothing when the container does not run, or stopped while
// it was measured: half of its figures would be missing.
template <typename Measure>
auto IfRunning(const Container& container, const Measure& measure) -> std::optional<decltype(measure())> {
  if (!container.running()) return std::nullopt;
  auto figures = measure();
  if (!container.running()) return std::nullopt;
  return std::optional(std::move(figures));
}

}  // namespace davit
