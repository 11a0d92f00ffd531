// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The health check that `davit run` and `davit create` ask for, and how it is shown.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// Texts are as written on the command line; what is empty or 0 is the image's.
struct HealthOptions {
  std::string command = {};  // a line for the shell
  std::string interval = {};
  std::string timeout = {};
  std::string start_period = {};
  std::string start_interval = {};
  uint32_t retries = 0;
  bool none = false;  // not even the image's check
};

// kInvalidArgument names the flag that is wrong.
Result<> SetHealth(const HealthOptions& options, ::davit::v1::ContainerSpec& spec);

// "healthy", "unhealthy", "starting"; "none" without a check.
std::string HealthWord(const ::davit::v1::HealthState& health);

// State.Health and Config.Healthcheck of an inspected container, in Docker's form.
nlohmann::json HealthDocument(const ::davit::v1::HealthState& health);
nlohmann::json HealthCheckDocument(const ::davit::v1::HealthCheck& check);

}  // namespace davit::cli
