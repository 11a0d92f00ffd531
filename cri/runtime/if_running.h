// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Statistics of running containers only.
#pragma once

#include <optional>
#include <utility>

#include "cri/pods/pod.h"

namespace davit::cri {

// Returns measure() for a running container; nullopt if the container is not running or stopped during the
// measurement, because half of the values would be missing.
template <typename Measure>
auto IfRunning(const Container& container, const Measure& measure) -> std::optional<decltype(measure())> {
  if (!container.running()) return std::nullopt;
  auto figures = measure();
  if (!container.running()) return std::nullopt;
  return std::optional(std::move(figures));
}

}  // namespace davit::cri
