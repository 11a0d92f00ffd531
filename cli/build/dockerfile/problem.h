// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What is wrong in a Dockerfile, and where.
#pragma once

#include <compare>
#include <expected>
#include <string>
#include <string_view>

namespace davit::cli::dockerfile {

// A line, and a column in bytes; both count from 1. The default is the file as a whole.
struct Place {
  int line = 0;
  int column = 0;

  auto operator<=>(const Place&) const = default;
};

struct Problem {
  Place place = {};
  std::string text = {};     // "unknown instruction: RUNN"
  std::string nearest = {};  // the word that was perhaps meant; empty if none is near

  // "unknown instruction: RUNN (did you mean RUN?)", on one line.
  std::string ToString() const;
};

// A value, or the problem that prevents it. TRY (base/error.h) passes the problem on.
template <typename T = void>
using Parsed = std::expected<T, Problem>;

std::unexpected<Problem> Refuse(Place place, std::string text, std::string nearest = {});

// "FILE:3:7: error: TEXT"; "FILE: error: TEXT" for the file as a whole. `kind` is "error" or "warning".
std::string Located(std::string_view file, std::string_view kind, const Problem& problem);

}  // namespace davit::cli::dockerfile
