// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_history.h"

#include "base/json.h"

namespace davit::cri {
namespace {

constexpr size_t kMostSteps = 1000;  // an image has at most 500 layers that can be mounted

}  // namespace

std::vector<HistoryStep> ReadHistory(std::string_view config_json) {
  std::vector<HistoryStep> steps;
  nlohmann::json config = JsonOrNull(config_json);
  const nlohmann::json* history = JsonMember(config, "history");
  if (history == nullptr || !history->is_array()) return steps;
  size_t layers = 0;
  for (const nlohmann::json& entry : *history) {
    if (steps.size() == kMostSteps) break;
    HistoryStep step{JsonTextMember(entry, "created"), JsonTextMember(entry, "created_by"),
                     JsonTextMember(entry, "comment"), std::nullopt};
    const nlohmann::json* empty = JsonMember(entry, "empty_layer");
    bool is_empty = empty != nullptr && JsonBool(*empty).value_or(false);
    if (!is_empty) step.layer = layers++;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace davit::cri
