// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of Go's templates that people use with --format.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cli {

struct Node;

// Has fields, {{.A.B}}; variables; if, range and with, with else; pipelines and parentheses; comments and
// "{{-"; and functions (template/functions.h). "\t" and "\n" outside of the braces are a tab and a newline.
// Texts are printed as they are, lists as "[a b]", objects as "map[k:v]", null as "<no value>". Errors name
// the action and the character where it goes wrong.
class Template {
 public:
  // At most 64 KiB.
  static Result<Template> Parse(const std::string& text);

  // At most 16 MiB. `labels` are for {{.Label "key"}}; null: there is no such method. See EvaluateTemplate
  // (template/evaluator.h) for fields that do not exist.
  Result<std::string> Render(const nlohmann::json& value,
                             const std::map<std::string, std::string>* labels = nullptr) const;

  // For a table: in the place of each action the header of its last field, which `header` returns; of
  // conditions and ranges that of their first branch.
  std::string Header(const std::function<std::string(const std::string& field)>& header) const;

  // Whether a field or a label with this name is in it.
  bool Names(const std::string& field) const;

 private:
  Template(std::string text, std::shared_ptr<const std::vector<Node>> nodes)
      : text_(std::move(text)), nodes_(std::move(nodes)) {}

  std::string text_;
  std::shared_ptr<const std::vector<Node>> nodes_;
};

// Parses and renders.
Result<std::string> RenderTemplate(const std::string& format, const nlohmann::json& value);

// "RunningFor": "RUNNING FOR".
std::string HeaderOfField(const std::string& field);

}  // namespace davit::cli
