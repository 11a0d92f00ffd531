// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// --filter KEY=VALUE, as in Docker: a list shows what satisfies every key.
#pragma once

#include <regex.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::cli {

// "KEY=VALUE", or "KEY" for an empty value.
std::pair<std::string, std::string> SplitLabel(const std::string& text);

std::unexpected<Error> BadFilter(const std::string& filter, const std::string& why);

// The values of --filter, by key.
class Filters {
 public:
  // kInvalidArgument for a text without a key and a value, and for a key that is not one of `known`, which it
  // names.
  static Result<Filters> Parse(const std::vector<std::string>& texts, const std::vector<std::string>& known);

  bool empty() const { return values_.empty(); }
  const std::vector<std::string>& Of(const std::string& key) const;
  bool Has(const std::string& key) const { return values_.contains(key); }

  // Whether one of a key's values is satisfied, or there are none.
  bool Any(const std::string& key, const std::function<bool(const std::string& value)>& satisfied) const;

  // Whether all values of "label" are satisfied: KEY, or KEY=VALUE.
  template <typename Labels>
  bool HasLabels(const Labels& labels) const {
    for (const std::string& wanted : Of("label")) {
      auto [key, value] = SplitLabel(wanted);
      auto found = labels.find(key);
      if (found == labels.end()) return false;
      if (wanted.contains('=') && found->second != value) return false;
    }
    return true;
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// true, 1, false and 0.
Result<bool> ParseFilterSwitch(const std::string& key, const std::string& value);

// An extended regular expression (regex(7)), which is searched for.
class Pattern {
 public:
  static Result<Pattern> Parse(const std::string& key, const std::string& text);
  bool Finds(const std::string& text) const;

 private:
  struct Free {
    void operator()(regex_t* expression) const {
      regfree(expression);
      delete expression;
    }
  };
  explicit Pattern(std::unique_ptr<regex_t, Free> expression) : expression_(std::move(expression)) {}

  std::unique_ptr<regex_t, Free> expression_;
};

}  // namespace davit::cli
