// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/problem.h"

namespace davit::cli::compose {

std::string Problem::ToString() const {
  std::string at = place.ToString();
  return at.empty() ? text : at + ": " + text;
}

void Problems::Add(const Place& place, std::string text) {
  if (list_.size() < kMost) list_.push_back({place, std::move(text)});
}

std::string Problems::ToString() const {
  std::string lines;
  for (const Problem& problem : list_) lines += (lines.empty() ? "" : "\n") + problem.ToString();
  return lines;
}

}  // namespace davit::cli::compose
