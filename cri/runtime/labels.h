// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Label selectors of list filters.
#pragma once

#include <google/protobuf/map.h>

#include <algorithm>
#include <string>

namespace davit::cri {

using Labels = google::protobuf::Map<std::string, std::string>;

// True when `labels` has every pair of `selector`.
inline bool MatchesLabels(const Labels& labels, const Labels& selector) {
  return std::all_of(selector.begin(), selector.end(), [&labels](const auto& wanted) {
    auto it = labels.find(wanted.first);
    return it != labels.end() && it->second == wanted.second;
  });
}

}  // namespace davit::cri
