// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The flags of one instruction: "--name=value".
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

class Flags {
 public:
  enum class Kind : unsigned char { kBool, kText, kTexts };
  struct Known {
    std::string_view name;
    Kind kind;
  };

  // Problems: an unknown flag, one without a value, one twice that is not of kTexts, a value of kBool that is
  // neither true nor false.
  static Parsed<Flags> Parse(const std::vector<Token>& flags, std::initializer_list<Known> known);

  // The flag must be known, and of this kind. An absent one is empty, or false.
  Token Text(std::string_view name) const;
  std::vector<Token> Texts(std::string_view name) const;
  bool Bool(std::string_view name) const { return Has(name) && Text(name).text == "true"; }
  bool Has(std::string_view name) const { return values_.contains(name); }

 private:
  std::map<std::string, std::vector<Token>, std::less<>> values_;
};

}  // namespace davit::cli::dockerfile
