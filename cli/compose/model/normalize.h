// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a merged document leaves out, and what in it contradicts itself.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/model/load.h"

namespace davit::cli::compose {

// Removes the services whose profiles are not chosen, and returns their names with one of their profiles.
std::map<std::string, std::string> KeepChosen(Value& document, const LoadRequest& request);

// Joins the variables of env_file with those of environment, and gives variables without a value that of
// `around`, if it has one.
void ResolveEnvironments(Value& document, const Environment& around, const ReadText& read,
                         Problems& problems);

// Fills in names at the node, the network "default" and other defaults, and removes networks, volumes,
// secrets and configs that no service uses.
void FillIn(Value& document, const std::string& project);

// Problems that need more than one key to be seen, and values that no daemon would take.
void Check(const Value& document, const std::map<std::string, std::string>& idle, Problems& problems);

}  // namespace davit::cli::compose
