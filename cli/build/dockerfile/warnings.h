// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What is allowed in a Dockerfile, but is probably no intention. The rules have the names that BuildKit's
// checks have, so that `# check=skip=RULE` works for both.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/scope.h"

namespace davit::cli::dockerfile {

struct Warning {
  std::string_view rule;  // "JSONArgsRecommended"
  Problem problem = {};
};

// What `# check=` says: "skip=RULE,RULE;error=true", or "skip=all".
class CheckRules {
 public:
  // The problem of an unknown option or rule.
  static Parsed<CheckRules> Parse(const std::optional<Token>& directive);

  bool Applies(std::string_view rule) const;
  bool warnings_are_errors() const { return warnings_are_errors_; }

 private:
  std::vector<std::string> skipped_;
  bool warnings_are_errors_ = false;
};

// All that the text itself shows, in no particular order.
std::vector<Warning> FindWarnings(const Dockerfile& file);

// Variables that are not set, but have nearly the name of one that is: `unset` of the names in `variables`.
// Others may be set in the base image. Takes the number of comparisons from `comparisons`; finds nothing if
// that is too small.
std::vector<Warning> FindMisspelt(Place place, std::string_view rule, const std::set<std::string>& unset,
                                  const Variables& variables, size_t& comparisons);

}  // namespace davit::cli::dockerfile
