// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template/evaluator.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "base/json.h"
#include "cli/template/functions.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr size_t kMostSteps = 1'000'000;  // nodes: ranges within ranges multiply

std::string FieldsOf(const json& value) {
  constexpr size_t kMostNames = 1024;
  std::string names;
  for (const auto& item : value.items()) {
    if (names.size() > kMostNames) return names + ", ...";
    names += (names.empty() ? "." : ", .") + item.key();
  }
  return names.empty() ? "it has none" : "there are " + names;
}

class Evaluator {
 public:
  Evaluator(const std::string& text, const TemplateInput& input)
      : text_(text), input_(input), root_(TemplateValue(), &input.value), dot_(root_) {
    variables_.emplace_back("", root_);
  }

  Result<std::string> Evaluate(const std::vector<Node>& nodes) {
    TRY(Perform(nodes));
    return std::move(output_);
  }

 private:
  // Whether a missing field is an error, or null.
  enum class Lack : uint8_t { kError, kNull };

  std::unexpected<Error> Bad(size_t at, const std::string& why) const {
    return TemplateError(text_, at, why);
  }

  Result<> Perform(const std::vector<Node>& nodes) {
    size_t outer = variables_.size();
    for (const Node& node : nodes) {
      if (++steps_ > kMostSteps) return Bad(node.pipeline.at, "the template has too many steps");
      TRY(Perform(node));
    }
    variables_.resize(outer);
    return {};
  }

  Result<> Perform(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kText:
        return Write(0, node.text);
      case Node::Kind::kAction:
        return PerformAction(node);
      case Node::Kind::kRange:
        return PerformRange(node);
      default:
        return PerformChoice(node);
    }
  }

  Result<> Write(size_t at, const std::string& text) {
    if (output_.size() + text.size() > kMostTemplateBytes)
      return Bad(at, "the output becomes longer than 16 MiB");
    output_ += text;
    return {};
  }

  Result<> PerformAction(const Node& node) {
    TemplateValue value = TRY(ValueOf(node.pipeline, Lack::kError));
    if (!node.pipeline.variables.empty()) return {};
    return Write(node.pipeline.at, TemplateText(*value));
  }

  // if and with.
  Result<> PerformChoice(const Node& node) {
    size_t outer = variables_.size();
    TemplateValue value = TRY(ValueOf(node.pipeline, Lack::kNull));
    bool holds = IsTrue(*value);
    TemplateValue dot = dot_;
    if (holds && node.kind == Node::Kind::kWith) dot_ = value;
    TRY(Perform(holds ? node.body : node.otherwise));
    dot_ = dot;
    variables_.resize(outer);
    return {};
  }

  Result<> PerformRange(const Node& node) {
    const std::vector<std::string>& names = node.pipeline.variables;
    TemplateValue list = TRY(ValueOfCommands(node.pipeline, Lack::kError));
    if (!list->is_structured() && !list->is_null())
      return Bad(node.pipeline.at,
                 "a range needs a list or an object, this is a " + std::string(list->type_name()));
    if (list->empty()) return Perform(node.otherwise);
    TemplateValue dot = dot_;
    size_t outer = variables_.size();
    size_t index = 0;
    for (const auto& item : list->items()) {
      TemplateValue value(list, &item.value());
      json key = list->is_object() ? json(item.key()) : json(index++);
      if (names.size() == 2) TRY(Assign(node.pipeline, names[0], MakeTemplateValue(std::move(key))));
      if (!names.empty()) TRY(Assign(node.pipeline, names.back(), value));
      dot_ = value;
      TRY(Perform(node.body));
      variables_.resize(outer);
    }
    dot_ = dot;
    return {};
  }

  Result<> Assign(const Pipeline& pipeline, const std::string& name, TemplateValue value) {
    if (pipeline.declares) {
      variables_.emplace_back(name, std::move(value));
      return {};
    }
    auto known = std::ranges::find(variables_.rbegin(), variables_.rend(), name, &Variable::first);
    if (known == variables_.rend() || name.empty())
      return Bad(pipeline.at, "there is no variable $" + name + " yet: write $" + name + " := ...");
    known->second = std::move(value);
    return {};
  }

  Result<TemplateValue> ValueOf(const Pipeline& pipeline, Lack lack) {
    TemplateValue value = TRY(ValueOfCommands(pipeline, lack));
    if (!pipeline.variables.empty()) TRY(Assign(pipeline, pipeline.variables[0], value));
    return value;
  }

  Result<TemplateValue> ValueOfCommands(const Pipeline& pipeline, Lack lack) {
    std::optional<TemplateValue> value;
    for (const Command& command : pipeline.commands) value = TRY(ValueOf(command, value, lack));
    return *value;
  }

  // `piped`: what the command before returns.
  Result<TemplateValue> ValueOf(const Command& command, const std::optional<TemplateValue>& piped,
                                Lack lack) {
    const Operand& first = command.words.front();
    if (first.kind == Operand::Kind::kFunction) {
      if (first.name == "and" || first.name == "or") return ValueOfLogic(command, piped, lack);
      std::vector<TemplateValue> arguments =
          TRY(ArgumentsOf(command, piped, first.name == "not" ? lack : Lack::kError));
      return Call(first, arguments);
    }
    if (command.words.size() == 1 && !piped) return ValueOf(first, lack);
    if (first.path == std::vector<std::string>{"Label"} && input_.labels != nullptr && IsRoot(first))
      return LabelOf(first, TRY(ArgumentsOf(command, piped, Lack::kError)));
    return Bad(first.at, "it is not a function, and takes no arguments");
  }

  Result<std::vector<TemplateValue>> ArgumentsOf(const Command& command,
                                                 const std::optional<TemplateValue>& piped, Lack lack) {
    std::vector<TemplateValue> arguments;
    for (size_t i = 1; i < command.words.size(); ++i)
      arguments.push_back(TRY(ValueOf(command.words[i], lack)));
    if (piped) arguments.push_back(*piped);
    return arguments;
  }

  Result<TemplateValue> Call(const Operand& function, const std::vector<TemplateValue>& arguments) {
    TemplateOutcome outcome = CallTemplateFunction(function.name, arguments);
    if (!outcome) return Bad(function.at, function.name + ": " + outcome.error());
    return Along(function, *outcome, Lack::kError);
  }

  // and, or: what comes after the value that decides is not looked at.
  Result<TemplateValue> ValueOfLogic(const Command& command, const std::optional<TemplateValue>& piped,
                                     Lack lack) {
    bool decides = command.words.front().name == "or";
    TemplateValue value;
    for (size_t i = 1; i < command.words.size(); ++i) {
      value = TRY(ValueOf(command.words[i], lack));
      if (IsTrue(*value) == decides) return value;
    }
    if (piped) return *piped;
    if (value == nullptr) return Bad(command.words.front().at, "it needs a value");
    return value;
  }

  bool IsRoot(const Operand& operand) const {
    bool dollar = operand.kind == Operand::Kind::kVariable && operand.name.empty();
    return dollar || (operand.kind == Operand::Kind::kDot && dot_ == root_);
  }

  // {{.Label "key"}}: empty if there is no such label.
  Result<TemplateValue> LabelOf(const Operand& operand, const std::vector<TemplateValue>& arguments) const {
    const std::string* key = arguments.size() == 1 ? JsonText(*arguments[0]) : nullptr;
    if (key == nullptr) return Bad(operand.at, "Label needs the name of a label, as in {{.Label \"key\"}}");
    auto found = input_.labels->find(*key);
    return MakeTemplateValue(found == input_.labels->end() ? "" : found->second);
  }

  Result<TemplateValue> ValueOf(const Operand& operand, Lack lack) {
    switch (operand.kind) {
      case Operand::Kind::kLiteral:
        return Along(operand, MakeTemplateValue(operand.literal), lack);
      case Operand::Kind::kPipeline:
        return Along(operand, TRY(ValueOf(*operand.inner, lack)), lack);
      case Operand::Kind::kVariable: {
        auto known =
            std::ranges::find(variables_.rbegin(), variables_.rend(), operand.name, &Variable::first);
        if (known == variables_.rend()) return Bad(operand.at, "there is no variable $" + operand.name);
        return Along(operand, known->second, lack);
      }
      case Operand::Kind::kFunction:
        return Call(operand, {});
      default:
        return Along(operand, dot_, lack);
    }
  }

  // The value at the fields behind an operand.
  Result<TemplateValue> Along(const Operand& operand, TemplateValue value, Lack lack) const {
    for (size_t i = 0; i < operand.path.size(); ++i) {
      const std::string& name = operand.path[i];
      auto found = value->is_object() ? value->find(name) : value->end();
      if (value->is_object() && found != value->end()) {
        value = TemplateValue(value, &*found);
        continue;
      }
      bool key = value->is_object() && i + 1 == operand.path.size() &&
                 std::islower(static_cast<unsigned char>(name[0])) != 0;
      if (lack == Lack::kNull || key) return MakeTemplateValue(nullptr);
      if (!value->is_object())
        return Bad(operand.at, "has no field ." + name + ": it is a " + value->type_name());
      return Bad(operand.at, "has no field ." + name + "; " + FieldsOf(*value));
    }
    return value;
  }

  using Variable = std::pair<std::string, TemplateValue>;

  const std::string& text_;
  const TemplateInput& input_;
  const TemplateValue root_;
  TemplateValue dot_;
  std::vector<Variable> variables_;  // the inner ones last
  std::string output_;
  size_t steps_ = 0;
};

}  // namespace

Result<std::string> EvaluateTemplate(const std::string& text, const std::vector<Node>& nodes,
                                     const TemplateInput& input) {
  return Evaluator(text, input).Evaluate(nodes);
}

}  // namespace davit::cli
