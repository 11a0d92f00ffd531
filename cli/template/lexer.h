// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The words of a template.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cli {

struct Token {
  enum class Kind : uint8_t {
    kText,        // between actions; "\t" and "\n" in it are a tab and a newline
    kOpen,        // "{{"
    kClose,       // "}}"
    kDot,         // "."
    kField,       // ".A"; text is "A"
    kVariable,    // "$x"; text is "x"
    kIdentifier,  // a function, a keyword, true, false or nil
    kString,      // text is its value
    kNumber,
    kSign,  // "|", ",", "=", ":=", "(" and ")"
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text = {};
  size_t at = 0;        // offset in the template
  bool joined = false;  // no space is before it
};

// Comments are left out, and white space that "{{-" and "-}}" remove. The last token is kEnd.
Result<std::vector<Token>> SplitTemplate(const std::string& text);

}  // namespace davit::cli
