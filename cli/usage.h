// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Measurements of running containers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cli/daemon.h"

namespace davit::cli {

// Which containers to measure. No names: all local ones, and with `kubelets` those of the CRI.
struct UsageChoice {
  std::vector<std::string> names = {};
  bool kubelets = false;
};

// One sample of each chosen container that runs. A name may be that of a container of the CRI; kNotFound if
// there is no such container.
Result<std::vector<::davit::v1::ContainerUsage>> Measure(const Daemon& daemon, const UsageChoice& choice);

// One container in the fields of docker stats. The CPU's share is that between the two samples, in percent of
// one CPU; 0 if `before` is null.
nlohmann::json UsageRow(const ::davit::v1::ContainerUsage& now, const ::davit::v1::ContainerUsage* before,
                        bool no_trunc);

// In decimal units with three digits, as in Docker: "1.52kB".
std::string DecimalText(uint64_t bytes);

}  // namespace davit::cli
