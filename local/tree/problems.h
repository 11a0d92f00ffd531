// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a copy of many files could not take along, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::local {

// The first few explain the others.
class Problems {
 public:
  static constexpr size_t kMost = 20;

  void Add(std::string text) {
    if (texts_.size() < kMost) texts_.push_back(std::move(text));
    ++count_;
  }
  const std::vector<std::string>& texts() const { return texts_; }
  uint64_t count() const { return count_; }

 private:
  std::vector<std::string> texts_;
  uint64_t count_ = 0;
};

// What a copy has done.
struct CopyOutcome {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of content
  Problems problems;
};

}  // namespace davit::local
