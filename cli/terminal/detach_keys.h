// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The keys by which a person leaves a session without ending it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cli {

inline constexpr char kDefaultDetachKeys[] = "ctrl-p,ctrl-q";

// Reads Docker's form: keys separated by commas, each a single character or "ctrl-" with a letter or one of
// @ [ \ ] ^ _. Returns the bytes that a terminal sends for them; none for an empty text. kInvalidArgument.
Result<std::string> ParseDetachKeys(const std::string& text);

// Finds the keys in what is typed, however the reads split it.
class DetachFilter {
 public:
  // Without keys nothing is found.
  explicit DetachFilter(std::string keys) : keys_(std::move(keys)) {}

  // Returns what to pass on of `data`: all but the keys, the beginning of the keys only once it is clear that
  // they do not follow, and nothing that comes after the keys.
  std::string Pass(std::string_view data);
  bool found() const { return found_; }

 private:
  const std::string keys_;
  size_t matched_ = 0;  // how many of the keys were typed last, and are held back
  bool found_ = false;
};

}  // namespace davit::cli
