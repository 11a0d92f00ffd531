// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The steps that made an image, as its config tells them (OCI image-spec config.md, "history").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cri {

struct HistoryStep {
  std::string created;  // RFC 3339, as written
  std::string created_by;
  std::string comment;
  std::optional<size_t> layer;  // index of the layer that the step made; nullopt: none
};

// The oldest step first, at most 1,000. Fields of a wrong type read as empty: the builder wrote them for
// people.
std::vector<HistoryStep> ReadHistory(std::string_view config_json);

}  // namespace davit::cri
