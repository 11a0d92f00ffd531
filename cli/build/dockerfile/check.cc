// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/check.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/nearest_word.h"
#include "cli/build/dockerfile/stage_graph.h"

namespace davit::cli::dockerfile {
namespace {

// Carries a Dockerfile through the stages of a build.
class Checker {
 public:
  Checker(const BuildSettings& settings, CheckReport& report) : settings_(settings), report_(report) {}

  void Check(const Dockerfile& file) {
    Parsed<size_t> target = FindTarget(file, settings_.target);
    if (!target) return Note(target);
    GlobalScope scope(settings_, file.stages[*target].from().name.text, file.directives.escape());
    for (const Instruction& instruction : file.global_arguments)
      Note(scope.Declare(std::get<Arg>(instruction.meaning)));
    const std::vector<StageNeeds> needs = FindNeeds(file, scope, report_.errors);
    WarnOfUnusedArguments(file);
    if (!report_.errors.empty()) return;
    WarnOfFrom(file, scope);
    for (size_t number : NeededStages(needs, *target)) {
      report_.stages.push_back(file.stages[number].Title(number));
      ExpandStage(number, file.stages[number], needs[number], scope);
    }
  }

 private:
  template <typename T>
  void Note(const Parsed<T>& result) {
    if (!result) report_.errors.push_back(result.error());
  }
  void Warn(std::vector<Warning> warnings) {
    std::ranges::move(warnings, std::back_inserter(report_.warnings));
  }

  void WarnOfFrom(const Dockerfile& file, GlobalScope& scope) {
    for (const Stage& stage : file.stages) {
      for (const Token& word : {stage.from().image, stage.from().platform}) {
        if (scope.Expand(word))
          Warn(
              FindMisspelt(word.place, "UndefinedArgInFrom", scope.unset(), scope.variables(), comparisons_));
      }
    }
  }
  void WarnOfUnusedArguments(const Dockerfile& file);
  void ExpandStage(size_t number, const Stage& stage, const StageNeeds& needs, GlobalScope& scope);
  void Expand(const Instruction& instruction, StageScope& scope);

  const BuildSettings& settings_;
  CheckReport& report_;
  size_t comparisons_ = kMaxComparisons;
  std::map<size_t, StageScope> ends_;  // of the stages, by their numbers
};

// A --build-arg that no ARG declares does nothing.
void Checker::WarnOfUnusedArguments(const Dockerfile& file) {
  std::vector<std::string> declared;
  auto collect = [&declared](const std::vector<Instruction>& instructions) {
    for (const Instruction& instruction : instructions) {
      const Arg* arg = std::get_if<Arg>(&instruction.meaning);
      if (arg == nullptr) continue;
      for (const Arg::Argument& argument : arg->arguments) declared.push_back(argument.name.text);
    }
  };
  collect(file.global_arguments);
  for (const Stage& stage : file.stages) collect(stage.instructions);
  for (const auto& [name, value] : settings_.arguments) {
    if (IsPredefinedArgument(name) || std::ranges::find(declared, name) != declared.end()) continue;
    report_.warnings.push_back({"",
                                {{},
                                 "no ARG declares the --build-arg " + name,
                                 NearestWord(name, std::span<const std::string>(declared))}});
  }
}

void Checker::ExpandStage(size_t number, const Stage& stage, const StageNeeds& needs, GlobalScope& scope) {
  const bool on_stage = needs.base.kind == Source::Kind::kStage;
  Parsed<StageScope> start =
      on_stage ? ends_.at(needs.base.stage).Inherit(stage.start.place()) : StageScope(scope);
  if (!start) Note(start);
  StageScope at = start ? *std::move(start) : StageScope(scope);
  for (const Instruction* instruction : needs.instructions) Expand(*instruction, at);
  ends_.emplace(number, std::move(at));
}

void Checker::Expand(const Instruction& instruction, StageScope& scope) {
  Parsed<Instruction> expanded = scope.Apply(instruction);
  if (!expanded) return Note(expanded);
  Warn(FindMisspelt(instruction.place(), "UndefinedVar", scope.unset(), scope.variables(), comparisons_));
  const Run* run = std::get_if<Run>(&expanded->meaning);
  if (run == nullptr) return;
  Note(scope.Mounts(*run));
  Warn(FindMisspelt(instruction.place(), "UndefinedVar", scope.unset(), scope.variables(), comparisons_));
}

void Finish(const CheckRules& rules, CheckReport& report) {
  std::erase_if(report.warnings, [&rules](const Warning& warning) { return !rules.Applies(warning.rule); });
  auto order = [](const Problem& problem) { return std::tie(problem.place, problem.text); };
  std::ranges::sort(report.errors, {}, order);
  std::ranges::sort(report.warnings, {}, [&order](const Warning& warning) { return order(warning.problem); });
  report.warnings_are_errors = rules.warnings_are_errors() && !report.warnings.empty();
}

}  // namespace

CheckReport Check(std::string_view text, const BuildSettings& settings) {
  CheckReport report;
  Parsed<Tree> tree = ReadTree(text);
  if (!tree) {
    report.errors.push_back(tree.error());
    return report;
  }
  Dockerfile file = ParseTree(*tree, report.errors);
  Parsed<CheckRules> rules = CheckRules::Parse(file.directives.check());
  if (!rules) report.errors.push_back(rules.error());
  report.warnings = FindWarnings(file);
  if (!file.stages.empty()) Checker(settings, report).Check(file);
  Finish(rules.value_or(CheckRules()), report);
  return report;
}

}  // namespace davit::cli::dockerfile
