// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/warnings.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/nearest_word.h"

namespace davit::cli::dockerfile {
namespace {

constexpr std::string_view kRules[] = {
    "DuplicateStageName", "JSONArgsRecommended", "LegacyKeyValueFormat", "MaintainerDeprecated",
    "MultipleInstructionsDisallowed", "NoEmptyContinuation", "StageNameCasing", "UndefinedArgInFrom",
    "UndefinedVar",
    // Rules of BuildKit's that have no counterpart here: their names may be skipped.
    "ConsistentInstructionCasing", "CopyIgnoredFile", "ExposeInvalidFormat", "ExposeProtoCasing",
    "FromAsCasing", "FromPlatformFlagConstDisallowed", "InvalidBaseImagePlatform", "InvalidDefaultArgInFrom",
    "InvalidDefinitionDescription", "RedundantTargetPlatform", "ReservedStageName", "SecretsUsedInArgOrEnv",
    "WorkdirRelativePath"};

std::vector<std::string> SplitAt(char separator, std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(Trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Looks at the instructions of one stage.
class StageWarnings {
 public:
  explicit StageWarnings(std::vector<Warning>& warnings) : warnings_(warnings) {}

  void Look(const Instruction& instruction) {
    std::visit([&](const auto& meaning) { LookAt(instruction, meaning); }, instruction.meaning);
  }

 private:
  void LookAt(const Instruction& instruction, const Cmd& cmd) {
    LookAtCommand(instruction, cmd.command, "CMD");
  }
  void LookAt(const Instruction& instruction, const Entrypoint& entrypoint) {
    LookAtCommand(instruction, entrypoint.command, "ENTRYPOINT");
  }
  void LookAt(const Instruction& instruction, const Healthcheck& /*check*/) {
    CountOnly(instruction, "HEALTHCHECK");
  }
  void LookAt(const Instruction& instruction, const Maintainer& /*maintainer*/) {
    Add("MaintainerDeprecated", instruction.place(),
        "MAINTAINER is deprecated: use a label, org.opencontainers.image.authors");
  }
  void LookAt(const Instruction& instruction, const Env& env) {
    LookAtAssignments(instruction, env.variables);
  }
  void LookAt(const Instruction& instruction, const Label& label) {
    LookAtAssignments(instruction, label.labels);
  }
  void LookAt(const Instruction& /*instruction*/, const Shell& /*shell*/) { has_shell_ = true; }
  template <typename Other>
  void LookAt(const Instruction& /*instruction*/, const Other& /*other*/) {}

  void LookAtCommand(const Instruction& instruction, const CommandLine& command, const std::string& keyword) {
    CountOnly(instruction, keyword);
    if (!command.exec_form && !command.words.empty() && !has_shell_)
      Add("JSONArgsRecommended", instruction.place(),
          keyword +
              " runs in a shell, which does not pass signals on: use the form [\"program\", \"argument\"]");
  }
  void LookAtAssignments(const Instruction& instruction, const std::vector<Assignment>& assignments) {
    const bool legacy = std::ranges::any_of(assignments, &Assignment::legacy);
    const std::string keyword = UpperCase(instruction.keyword.text);
    if (legacy)
      Add("LegacyKeyValueFormat", instruction.place(),
          "\"" + keyword + " key=value\" should be used instead of \"" + keyword + " key value\"");
  }
  // The last one of its kind replaces those before it.
  void CountOnly(const Instruction& instruction, const std::string& keyword) {
    auto [found, first] = last_.try_emplace(keyword, instruction.place());
    if (first) return;
    Add("MultipleInstructionsDisallowed", std::exchange(found->second, instruction.place()),
        keyword + " has no effect: a later one in the stage replaces it");
  }
  void Add(std::string_view rule, Place place, std::string text) {
    warnings_.push_back({rule, {place, std::move(text)}});
  }

  std::vector<Warning>& warnings_;
  std::map<std::string, Place> last_;
  bool has_shell_ = false;
};

void LookAtStageNames(const Dockerfile& file, std::vector<Warning>& warnings) {
  std::set<std::string> names;
  for (const Stage& stage : file.stages) {
    const Token& name = stage.from().name;
    if (name.text.empty()) continue;
    if (!names.insert(name.text).second)
      warnings.push_back({"DuplicateStageName", {name.place, "another stage has the name " + name.text}});
    if (!stage.start.text.contains(name.text))
      warnings.push_back({"StageNameCasing", {name.place, "the name of a stage should be in lower case"}});
  }
}

}  // namespace

Parsed<CheckRules> CheckRules::Parse(const std::optional<Token>& directive) {
  CheckRules rules;
  if (!directive) return rules;
  for (const std::string& option : SplitAt(';', directive->text)) {
    const std::string name = option.substr(0, option.find('='));
    const std::string value = option.substr(std::min(name.size() + 1, option.size()));
    if (name == "error") {
      rules.warnings_are_errors_ = value == "true";
    } else if (name == "skip") {
      rules.skipped_ = SplitAt(',', value);
    } else if (name != "experimental") {
      return Refuse(directive->place,
                    "# check=" + directive->text + ": expected skip=RULE,... or error=true");
    }
  }
  for (const std::string& rule : rules.skipped_) {
    if (rule != "all" && std::ranges::find(kRules, rule) == std::end(kRules))
      return Refuse(directive->place, "unknown rule " + rule, NearestWord(rule, kRules));
  }
  return rules;
}

bool CheckRules::Applies(std::string_view rule) const {
  return std::ranges::none_of(
      skipped_, [rule](const std::string& skipped) { return skipped == "all" || skipped == rule; });
}

std::vector<Warning> FindWarnings(const Dockerfile& file) {
  std::vector<Warning> warnings;
  for (Place place : file.empty_continuations)
    warnings.push_back({"NoEmptyContinuation", {place, "empty line in an instruction"}});
  LookAtStageNames(file, warnings);
  for (const Stage& stage : file.stages) {
    StageWarnings look(warnings);
    for (const Instruction& instruction : stage.instructions) look.Look(instruction);
  }
  return warnings;
}

std::vector<Warning> FindMisspelt(Place place, std::string_view rule, const std::set<std::string>& unset,
                                  const Variables& variables, size_t& comparisons) {
  std::vector<Warning> warnings;
  const size_t needed = unset.size() * variables.All().size();
  if (unset.empty() || needed > comparisons) return warnings;
  comparisons -= needed;
  const std::vector<std::string> names = variables.Names();
  for (const std::string& name : unset) {
    std::string nearest = NearestWord(name, std::span<const std::string>(names));
    if (!nearest.empty()) warnings.push_back({rule, {place, "$" + name + " is not set here", "$" + nearest}});
  }
  return warnings;
}

}  // namespace davit::cli::dockerfile
