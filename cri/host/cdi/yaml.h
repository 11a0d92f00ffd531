// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The subset of YAML that data files use: mappings, sequences and scalars.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace davit::cri::cdi {

// Converts one document to JSON. Plain scalars become null, booleans and numbers by the rules of YAML's core
// schema, including 0o17 and 0x1f, and also 0660, the octal form of YAML 1.1 that is common for file modes;
// all others become strings. Anchors, aliases, tags, duplicate keys, keys that are not scalars, and too deep
// nesting are errors that name the line.
Result<nlohmann::json> ParseYaml(std::string_view text);

}  // namespace davit::cri::cdi
