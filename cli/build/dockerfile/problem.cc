// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/problem.h"

#include <utility>

#include "base/utf8.h"

namespace davit::cli::dockerfile {
namespace {

// Texts quote what a file contains, which may be long.
constexpr size_t kMaxTextBytes = 1'000;

}  // namespace

std::string Problem::ToString() const {
  std::string line = OneLine(text, kMaxTextBytes);
  if (!nearest.empty()) line += " (did you mean " + OneLine(nearest, kMaxTextBytes) + "?)";
  return line;
}

std::unexpected<Problem> Refuse(Place place, std::string text, std::string nearest) {
  return std::unexpected(Problem{place, std::move(text), std::move(nearest)});
}

std::string Located(std::string_view file, std::string_view kind, const Problem& problem) {
  std::string line(file);
  if (problem.place.line > 0) line += ":" + std::to_string(problem.place.line);
  if (problem.place.column > 0) line += ":" + std::to_string(problem.place.column);
  return line + ": " + std::string(kind) + ": " + problem.ToString();
}

}  // namespace davit::cli::dockerfile
