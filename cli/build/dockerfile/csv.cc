// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/csv.h"

#include <algorithm>

namespace davit::cli::dockerfile {
namespace {

// Takes a field that begins with a quote.
std::optional<std::string> TakeQuoted(std::string_view& line) {
  std::string field;
  for (line.remove_prefix(1);;) {
    const size_t quote = line.find('"');
    if (quote == std::string_view::npos) return std::nullopt;
    field += line.substr(0, quote);
    line.remove_prefix(quote + 1);
    if (!line.starts_with('"')) break;
    field += '"';
    line.remove_prefix(1);
  }
  if (!line.empty() && line[0] != ',') return std::nullopt;
  return field;
}

std::optional<std::string> TakePlain(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(','));
  if (field.contains('"')) return std::nullopt;
  line.remove_prefix(field.size());
  return std::string(field);
}

}  // namespace

std::optional<std::vector<std::string>> SplitCsv(std::string_view line) {
  if (line.empty()) return std::nullopt;
  std::vector<std::string> fields;
  while (true) {
    auto field = line.starts_with('"') ? TakeQuoted(line) : TakePlain(line);
    if (!field) return std::nullopt;
    fields.push_back(*std::move(field));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

}  // namespace davit::cli::dockerfile
