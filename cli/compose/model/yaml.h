// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// YAML with what Compose files use of it: anchors, aliases, merge keys, and the tags !reset and !override.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/compose/model/problem.h"
#include "cli/compose/model/value.h"

namespace davit::cli::compose {

// The first is checked by who reads the file. Anchors and each use of an alias count with all values that
// they stand for.
inline constexpr size_t kMostFileBytes = 4 << 20;
inline constexpr size_t kMostValues = 50'000;
inline constexpr size_t kMostValueBytes = 16 << 20;
inline constexpr size_t kMostMembers = 2'000;  // of one map
inline constexpr size_t kMostItems = 10'000;   // of one list
inline constexpr int kMostDepth = 64;

// Reads one document; `file` is its name in places. An empty document is a map without members. A member of a
// map counts more than one that comes by a merge key. No value: `problems` has what is wrong.
std::optional<Value> ParseYaml(std::string_view text, const std::string& file, Problems& problems);

}  // namespace davit::cli::compose
