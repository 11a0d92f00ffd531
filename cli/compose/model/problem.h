// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What is wrong in Compose files.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "cli/compose/model/value.h"

namespace davit::cli::compose {

struct Problem {
  Place place;
  std::string text;  // says what is wrong and what to write instead

  std::string ToString() const;  // "FILE:LINE: TEXT"
};

// Collects problems, so that one run shows all of them.
class Problems {
 public:
  // Beyond kMost, problems are dropped.
  void Add(const Place& place, std::string text);
  bool empty() const { return list_.empty(); }
  const std::vector<Problem>& list() const { return list_; }
  std::string ToString() const;  // a line for each

 private:
  static constexpr size_t kMost = 50;
  std::vector<Problem> list_;
};

}  // namespace davit::cli::compose
