// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "cli/template/evaluator.h"
#include "cli/template/nodes.h"

namespace davit::cli {
namespace {

// Calls `take` for each operand, the inner ones of parentheses first.
void EachOperand(const Pipeline& pipeline, const std::function<void(const Operand&)>& take) {
  for (const Command& command : pipeline.commands) {
    for (const Operand& operand : command.words) {
      if (operand.inner) EachOperand(*operand.inner, take);
      take(operand);
    }
  }
}

void EachPipeline(const std::vector<Node>& nodes, const std::function<void(const Pipeline&)>& take) {
  for (const Node& node : nodes) {
    take(node.pipeline);
    EachPipeline(node.body, take);
    EachPipeline(node.otherwise, take);
  }
}

// The last field of an action, or the key of {{.Label "key"}}; empty if it has none.
std::string FieldOf(const Pipeline& pipeline) {
  std::string field;
  EachOperand(pipeline, [&field](const Operand& operand) {
    bool key =
        field == "Label" && operand.kind == Operand::Kind::kLiteral && JsonText(operand.literal) != nullptr;
    if (!operand.path.empty())
      field = operand.path.back();
    else if (key)
      field = *JsonText(operand.literal);
  });
  return field;
}

std::string HeaderOf(const std::vector<Node>& nodes,
                     const std::function<std::string(const std::string& field)>& header) {
  std::string text;
  for (const Node& node : nodes) {
    if (node.kind == Node::Kind::kText) {
      text += node.text;
    } else if (node.kind == Node::Kind::kAction) {
      if (node.pipeline.variables.empty()) text += header(FieldOf(node.pipeline));
    } else {
      text += HeaderOf(node.body, header);
    }
  }
  return text;
}

}  // namespace

Result<Template> Template::Parse(const std::string& text) {
  return Template(text, std::make_shared<const std::vector<Node>>(TRY(ParseTemplate(text))));
}

Result<std::string> Template::Render(const nlohmann::json& value,
                                     const std::map<std::string, std::string>* labels) const {
  return EvaluateTemplate(text_, *nodes_, {value, labels});
}

std::string Template::Header(const std::function<std::string(const std::string& field)>& header) const {
  return HeaderOf(*nodes_, header);
}

bool Template::Names(const std::string& field) const {
  bool found = false;
  EachPipeline(*nodes_, [&](const Pipeline& pipeline) {
    EachOperand(pipeline, [&](const Operand& operand) {
      found = found || std::ranges::find(operand.path, field) != operand.path.end();
    });
  });
  return found;
}

Result<std::string> RenderTemplate(const std::string& format, const nlohmann::json& value) {
  return TRY(Template::Parse(format)).Render(value);
}

std::string HeaderOfField(const std::string& field) {
  std::string header;
  for (size_t i = 0; i < field.size(); ++i) {
    auto letter = static_cast<unsigned char>(field[i]);
    bool word =
        i > 0 && std::isupper(letter) != 0 && std::islower(static_cast<unsigned char>(field[i - 1])) != 0;
    if (word) header += ' ';
    header += static_cast<char>(std::toupper(letter));
  }
  return header;
}

}  // namespace davit::cli
