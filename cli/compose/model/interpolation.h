// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Variables in Compose files: $NAME and ${NAME} with the operators :- - :? ? :+ +.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/compose/model/problem.h"
#include "cli/compose/model/value.h"

namespace davit::cli::compose {

// Values by name.
using Environment = std::map<std::string, std::string, std::less<>>;

// All texts that one interpolation makes have at most this many bytes together.
inline constexpr size_t kMostInterpolatedBytes = 16 << 20;

// Replaces variables in texts. The environment must outlive it.
class Interpolation {
 public:
  explicit Interpolation(const Environment& environment) : environment_(environment) {}

  // `$$` becomes `$`. A variable without a value becomes an empty text, and its name is kept for unset().
  // kInvalidArgument if the text is malformed, if a variable is required and missing, or at the limit.
  Result<std::string> Replace(std::string_view text);

  // The same for all texts of a tree, but not for keys.
  void ReplaceIn(Value& tree, Problems& problems);

  // Variables that were used without a value and without a default.
  const std::set<std::string>& unset() const { return unset_; }

 private:
  Result<std::string> ReplaceNested(std::string_view text, int depth);
  Result<std::string> ReplaceBraced(std::string_view inner, int depth);

  const Environment& environment_;
  std::set<std::string> unset_;
  size_t bytes_ = 0;
};

}  // namespace davit::cli::compose
