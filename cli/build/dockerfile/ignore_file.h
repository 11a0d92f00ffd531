// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A .dockerignore: which files of a context are not sent.
#pragma once

#include <string_view>
#include <vector>

#include "cli/build/dockerfile/ignore_pattern.h"
#include "cli/build/dockerfile/problem.h"

namespace davit::cli::dockerfile {

class IgnoreFile {
 public:
  // Problems: a pattern that is none, "!" alone, and a file beyond the limits (limits.h).
  static Parsed<IgnoreFile> Parse(std::string_view text);

  // Whether the last pattern that matches the path or a directory above it does not begin with "!". The path
  // is relative to the context's root, with "/" between names, without "." and "..".
  bool Ignores(std::string_view path) const;

  // False: below a directory that is ignored, everything is.
  bool HasExceptions() const { return has_exceptions_; }
  bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    IgnorePattern pattern;
    bool is_exception = false;  // "!"
  };
  Parsed<> Add(int line, std::string_view text);

  std::vector<Rule> rules_;
  bool has_exceptions_ = false;
};

// The shortest path with the same meaning, as Go's filepath.Clean makes it: "a//./b/../c" is "a/c", "" is
// ".".
std::string CleanPath(std::string_view path);

}  // namespace davit::cli::dockerfile
