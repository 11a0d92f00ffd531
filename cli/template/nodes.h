// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A parsed template. Offsets are bytes of its text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cli {

struct Pipeline;

// ".", ".A.B", "$", "$x.A", "text", 12, a function's name, or a pipeline in parentheses.
struct Operand {
  enum class Kind : uint8_t { kDot, kVariable, kLiteral, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  size_t at = 0;
  std::string name = {};  // of a variable without its "$", or of a function
  nlohmann::json literal = {};
  std::shared_ptr<Pipeline> inner = {};
  std::vector<std::string> path = {};  // the fields behind it
};

// A function, or a method, and its arguments; or a value alone.
struct Command {
  std::vector<Operand> words = {};
};

// "$x := command | command": each command gets what the one before returns as its last argument.
struct Pipeline {
  size_t at = 0;
  std::vector<std::string> variables = {};  // at most two, which only a range has
  bool declares = false;                    // ":=", not "="
  std::vector<Command> commands = {};
};

struct Node {
  enum class Kind : uint8_t { kText, kAction, kIf, kRange, kWith };
  Kind kind = Kind::kText;
  std::string text = {};
  Pipeline pipeline = {};
  std::vector<Node> body = {};
  std::vector<Node> otherwise = {};  // of "else"
};

// kInvalidArgument at a place of a template: names the action there and the place.
std::unexpected<Error> TemplateError(const std::string& text, size_t at, const std::string& why);

// kInvalidArgument for what is not a template, or needs more than this part of Go's templates.
Result<std::vector<Node>> ParseTemplate(const std::string& text);

}  // namespace davit::cli
