// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: documents in which one value has another type.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace davit {

// Returns one copy of `document` for each of its values and each JSON type, with a value of that type in
// place of the original value.
inline std::vector<std::string> WithEachValueOfEachType(const nlohmann::json& document) {
  const nlohmann::json kValues[] = {nullptr,      true,     5,  -5, uint64_t{1} << 63,
                                    1.5,          "text\n", "", {}, nlohmann::json::array({1, nullptr}),
                                    {{"text", 5}}};
  std::vector<nlohmann::json::json_pointer> places = {nlohmann::json::json_pointer("")};
  for (size_t i = 0; i < places.size(); ++i) {
    const nlohmann::json parent = document[places[i]];
    for (const auto& item : parent.items()) {
      if (parent.is_array()) places.push_back(places[i] / std::stoul(item.key()));
      if (parent.is_object()) places.push_back(places[i] / item.key());
    }
  }
  std::vector<std::string> texts;
  for (const auto& place : places) {
    for (const nlohmann::json& value : kValues) {
      nlohmann::json mutated = document;
      mutated[place] = value;
      texts.push_back(mutated.dump());
    }
  }
  return texts;
}

}  // namespace davit
