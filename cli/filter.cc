// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/filter.h"

#include <algorithm>

#include "base/suggestion.h"

namespace davit::cli {
namespace {

std::string Listed(const std::vector<std::string>& known) {
  std::string list;
  for (const std::string& key : known) list += (list.empty() ? "" : ", ") + key;
  return list;
}

}  // namespace

std::pair<std::string, std::string> SplitLabel(const std::string& text) {
  size_t equals = text.find('=');
  return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

std::unexpected<Error> BadFilter(const std::string& filter, const std::string& why) {
  return Fail(Code::kInvalidArgument, "--filter", filter, why);
}

Result<Filters> Filters::Parse(const std::vector<std::string>& texts, const std::vector<std::string>& known) {
  Filters filters;
  for (const std::string& text : texts) {
    auto [key, value] = SplitLabel(text);
    if (std::ranges::find(known, key) == known.end()) {
      std::string nearest = Nearest(key, known);
      return BadFilter(
          text, "there is no such filter" +
                    (nearest.empty() ? "; there are " + Listed(known) : "; did you mean " + nearest + "?"));
    }
    if (value.empty()) return BadFilter(text, "write " + key + "=VALUE");
    filters.values_[key].push_back(value);
  }
  return filters;
}

const std::vector<std::string>& Filters::Of(const std::string& key) const {
  static const std::vector<std::string> none;
  auto found = values_.find(key);
  return found == values_.end() ? none : found->second;
}

bool Filters::Any(const std::string& key,
                  const std::function<bool(const std::string& value)>& satisfied) const {
  const std::vector<std::string>& values = Of(key);
  return values.empty() || std::ranges::any_of(values, satisfied);
}

Result<bool> ParseFilterSwitch(const std::string& key, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return BadFilter(key + "=" + value, "write " + key + "=true or " + key + "=false");
}

Result<Pattern> Pattern::Parse(const std::string& key, const std::string& text) {
  auto expression = std::make_unique<regex_t>();
  int error = regcomp(expression.get(), text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    char why[256];
    regerror(error, expression.get(), why, sizeof why);
    return BadFilter(key + "=" + text, std::string("is not a regular expression: ") + why);
  }
  return Pattern(std::unique_ptr<regex_t, Free>(expression.release()));
}

bool Pattern::Finds(const std::string& text) const {
  return regexec(expression_.get(), text.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace davit::cli
