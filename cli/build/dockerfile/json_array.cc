// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/json_array.h"

#include "base/json.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

// The position of the first `"` that begins a text at or behind `position`, in a valid array of texts.
size_t TextBegin(std::string_view array, size_t position) {
  return array.find('"', position);
}

// The position behind a text that begins at `begin`.
size_t TextEnd(std::string_view array, size_t begin) {
  size_t i = begin + 1;
  while (array[i] != '"') i += array[i] == '\\' ? 2 : 1;
  return i + 1;
}

}  // namespace

Parsed<std::optional<std::vector<Token>>> ReadJsonArray(Span text) {
  const Span array = text.Trimmed();
  if (!array.text().starts_with('[')) return std::nullopt;
  Result<nlohmann::json> json = ParseJson(array.text(), "arguments");
  if (!json || !json->is_array()) return std::nullopt;
  for (const nlohmann::json& element : *json) {
    if (JsonText(element) == nullptr)
      return Refuse(array.place(), "when using JSON array syntax, arrays must be comprised of strings only");
  }
  std::vector<Token> tokens;
  size_t position = 0;
  for (const nlohmann::json& element : *json) {
    const size_t begin = TextBegin(array.text(), position);
    tokens.push_back({*JsonText(element), array.PlaceOf(begin)});
    position = TextEnd(array.text(), begin);
  }
  return tokens;
}

}  // namespace davit::cli::dockerfile
