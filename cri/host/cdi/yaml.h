// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// As much of YAML as data has: mappings, sequences and scalars.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace davit::cdi {

// One document as the JSON of the same content. Plain scalars are null, booleans and numbers by the rules of
// YAML's core schema, 0o17 and 0x1f included (and 0660, as YAML 1.1 writes octal: file modes look like that);
// all others are strings. Anchors, aliases, tags, keys that are given twice or are no scalars, and nesting
// deeper than any description of a device are errors that name the line.
Result<nlohmann::json> ParseYaml(std::string_view text);

}  // namespace davit::cdi
