// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Health checks by Docker's rules: what a check is, and what the outcome of a probe means. Pure functions.
// Times are nanoseconds since 1970.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "images/image_config.h"

namespace davit::local {

namespace api = ::davit::v1;

inline constexpr size_t kMostProbeOutput = 4096;  // bytes
inline constexpr size_t kMostProbeResults = 5;
// The exit code of a probe that was not started, or not ended in time.
inline constexpr int32_t kNoProbeExit = -1;

struct ProbeResult {
  int64_t started_at = 0;
  int64_t ended_at = 0;
  int32_t exit_code = 0;
  std::string output;  // valid UTF-8, at most kMostProbeOutput bytes
};

// Of one run of a container.
struct Health {
  api::HealthState::Status status = ::davit::v1::HealthState::STARTING;
  uint32_t failing_streak = 0;
  std::deque<ProbeResult> log;  // the last ones, the oldest first
};

// What is in force for a container of the image: the fields that `wanted` sets, and the image's others. The
// image decides about one that has neither.
api::HealthCheck HealthCheckOf(const api::HealthCheck& wanted, const images::ImageConfig& image);

// Whether there is anything to run. False for an image's check of a kind that nobody knows, as in Docker.
bool IsChecked(const api::HealthCheck& check);

// kInvalidArgument names the field that has no meaning or is too long.
Result<> CheckHealthCheck(const api::HealthCheck& check);

// These are for a check that IsChecked.

// The program of a probe with its arguments.
std::vector<std::string> ProbeCommand(const api::HealthCheck& check);
int64_t ProbeTimeoutMs(const api::HealthCheck& check);
// Between the end of a probe, or the start of the container, and the next probe.
int64_t ProbePauseMs(const api::HealthCheck& check, const Health& health, int64_t run_started_at,
                     int64_t now);
// Adds a result. Returns whether the status has changed.
bool NoteProbe(const api::HealthCheck& check, int64_t run_started_at, ProbeResult result, Health& health);

}  // namespace davit::local
