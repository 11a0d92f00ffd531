// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The directives at the top of a file: `# syntax=`, `# escape=`, `# check=`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/build/dockerfile/placed_text.h"
#include "cli/build/dockerfile/source_lines.h"

namespace davit::cli::dockerfile {

class Directives {
 public:
  // Reads a line if it is a directive; the first one that is none ends them. A directive twice, an escape
  // character other than \ and `, and a frontend other than docker/dockerfile are problems. A first line "#!"
  // ends nothing, but as in BuildKit, `# escape=` has no effect behind it.
  Parsed<> Read(const SourceLine& line);

  char escape() const { return escape_; }
  const std::optional<Token>& syntax() const { return syntax_; }  // "docker/dockerfile:1"
  const std::optional<Token>& check() const { return check_; }    // "skip=JSONArgsRecommended;error=true"

 private:
  Parsed<> Take(const std::string& name, Token value);

  bool over_ = false;
  char escape_ = '\\';
  std::optional<Token> syntax_;
  std::optional<Token> check_;
  bool escape_is_set_ = false;
  bool behind_shebang_ = false;
};

}  // namespace davit::cli::dockerfile
