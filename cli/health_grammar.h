// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The flags of `davit run` and `davit create` about health checks.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/health.h"

namespace davit::cli {

// `options` must outlive the parser.
void AddHealthFlags(CLI::App& verb, HealthOptions& options);

}  // namespace davit::cli
