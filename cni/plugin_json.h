// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// JSON of network configurations and of plugins' answers. Nothing here throws.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace davit {

// A discarded value when the text is not JSON or nests deeper than kMaxJsonDepth: copying and printing
// recurse.
nlohmann::json ParsePluginJson(const std::string& text);
inline constexpr int kMaxJsonDepth = 100;

// The string in this field; "" when `object` is not an object or the field not a string.
std::string StringAt(const nlohmann::json& object, const char* key);

// On one line. Bytes that are not UTF-8 are replaced.
std::string DumpJson(const nlohmann::json& value);

}  // namespace davit
