// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A project's document for people and programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/compose/model/value.h"

namespace davit::cli::compose {

// Members sorted by their keys.
nlohmann::json JsonOf(const Value& value);

// Block YAML that reads back as the same value: texts that look like something else are quoted.
std::string YamlOf(const Value& value);

}  // namespace davit::cli::compose
