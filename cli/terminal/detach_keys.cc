// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/detach_keys.h"

#include <cctype>
#include <optional>

namespace davit::cli {
namespace {

constexpr std::string_view kControl = "ctrl-";

std::optional<char> KeyOf(std::string_view text) {
  if (text.size() == 1) return text.front();
  if (!text.starts_with(kControl) || text.size() != kControl.size() + 1) return std::nullopt;
  int key = std::toupper(static_cast<unsigned char>(text.back()));
  if (key < '@' || key > '_') return std::nullopt;
  return static_cast<char>(key - '@');  // as a keyboard makes it
}

}  // namespace

Result<std::string> ParseDetachKeys(const std::string& text) {
  std::string keys;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t comma = rest.find(',', 1);  // the first character may be a comma itself
    std::string_view word = rest.substr(0, comma);
    std::optional<char> key = KeyOf(word);
    if (!key)
      return Fail(
          Code::kInvalidArgument, "--detach-keys", text,
          "write keys separated by commas, each one character or ctrl-X, where X is a letter or one of "
          "@ [ \\ ] ^ _");
    keys += *key;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
    if (rest.empty())
      return Fail(Code::kInvalidArgument, "--detach-keys", text, "a key is missing at the end");
  }
  return keys;
}

std::string DetachFilter::Pass(std::string_view data) {
  std::string pass;
  for (char typed : data) {
    if (found_) break;
    // What is held back may contain a later beginning of the keys.
    std::string held = keys_.substr(0, matched_) + typed;
    while (!held.empty() && !std::string_view(keys_).starts_with(held)) {
      pass += held.front();
      held.erase(0, 1);
    }
    matched_ = held.size();
    found_ = matched_ > 0 && matched_ == keys_.size();
  }
  return pass;
}

}  // namespace davit::cli
