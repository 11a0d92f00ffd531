// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Short forms of values in Compose files.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/model/rules.h"

namespace davit::cli::compose {

// All are of the type Expand.
std::vector<Value> ExpandBuild(const Value& value, const Surroundings& around);      // CONTEXT
std::vector<Value> ExpandDependsOn(const Value& value, const Surroundings& around);  // - SERVICE
std::vector<Value> ExpandNetworks(const Value& value, const Surroundings& around);   // - NETWORK
std::vector<Value> ExpandEnvFile(const Value& value, const Surroundings& around);    // PATH
std::vector<Value> ExpandExtends(const Value& value, const Surroundings& around);    // SERVICE
std::vector<Value> ExpandFileMount(const Value& value, const Surroundings& around);  // SECRET or CONFIG
std::vector<Value> ExpandDevice(const Value& value, const Surroundings& around);     // SOURCE[:TARGET[:rwm]]
std::vector<Value> ExpandPort(const Value& value, const Surroundings& around);       // see port_forms.cc
std::vector<Value> ExpandVolume(const Value& value, const Surroundings& around);  // [SOURCE:]TARGET[:OPTIONS]
std::vector<Value> ExpandInclude(const Value& value, const Surroundings& around);  // PATH

// A path relative to the base directory or to "~", as an absolute one without "." and "..".
std::string AbsolutePath(const std::string& path, const Surroundings& around);

}  // namespace davit::cli::compose
