// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/stage_graph.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/mount.h"
#include "cli/build/dockerfile/nearest_word.h"
#include "cli/build/dockerfile/quantities.h"

namespace davit::cli::dockerfile {
namespace {

constexpr std::string_view kScratch = "scratch";

// Finds what the stages need, one after the other.
class NeedsFinder {
 public:
  NeedsFinder(const Dockerfile& file, GlobalScope& scope, std::vector<Problem>& problems)
      : file_(file), scope_(scope), problems_(problems) {}

  StageNeeds Find(size_t number);
  bool gives_up() const { return too_many_steps_ || problems_.size() >= kMaxProblems; }

 private:
  Parsed<Source> FindBase(const From& from) const;
  Parsed<std::string> FindPlatform(const From& from) const;
  Parsed<Source> FindSource(const Token& name) const;
  // The instructions of all stages count together (kMaxSteps).
  Parsed<> AddInstruction(const Instruction& instruction, StageNeeds& needs);
  Parsed<> AddSources(const Instruction& instruction, std::vector<Source>& sources) const;
  // A stage before this one. Names are in lower case.
  std::optional<size_t> Earlier(std::string_view name) const;
  Source ContextOrImage(const std::string& name) const;

  template <typename T>
  T OrProblem(Parsed<T> result) {
    if (!result) problems_.push_back(result.error());
    if constexpr (!std::is_void_v<T>) return result ? *std::move(result) : T();
  }

  const Dockerfile& file_;
  GlobalScope& scope_;
  std::vector<Problem>& problems_;
  size_t number_ = 0;
  size_t steps_ = 0;
  size_t step_bytes_ = 0;
  bool too_many_steps_ = false;
  std::map<std::string, size_t, std::less<>> by_name_;  // the last stage of each name, before this one
};

std::optional<size_t> NeedsFinder::Earlier(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

Source NeedsFinder::ContextOrImage(const std::string& name) const {
  const bool is_context = scope_.settings().named_contexts.contains(name);
  return {.kind = is_context ? Source::Kind::kContext : Source::Kind::kImage, .name = name};
}

Parsed<Source> NeedsFinder::FindBase(const From& from) const {
  const std::string image = TRY(scope_.Expand(from.image));
  if (image.empty()) {
    const std::vector<std::string> names = scope_.variables().Names();
    const std::string unset = scope_.unset().empty() ? "" : *scope_.unset().begin();
    return Refuse(from.image.place, "base name (" + from.image.text + ") should not be blank",
                  NearestWord(unset, std::span<const std::string>(names)));
  }
  if (auto stage = Earlier(image)) return Source{.kind = Source::Kind::kStage, .stage = *stage};
  if (image == kScratch) return Source{.kind = Source::Kind::kScratch};
  return ContextOrImage(image);
}

// "OS/ARCHITECTURE[/VARIANT]" or one of the first two.
Parsed<std::string> NeedsFinder::FindPlatform(const From& from) const {
  if (from.platform.text.empty()) return "";
  std::string platform = TRY(scope_.Expand(from.platform));
  if (platform.empty())
    return Refuse(from.platform.place, "empty platform value from expression " + from.platform.text);
  const bool plain =
      platform.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-()+") ==
      std::string::npos;
  if (!plain || std::ranges::count(platform, '/') > 2 || platform.contains("//") ||
      platform.starts_with('/') || platform.ends_with('/'))
    return Refuse(from.platform.place, "platform \"" + platform + "\": expected OS/ARCHITECTURE[/VARIANT]");
  return platform;
}

Parsed<Source> NeedsFinder::FindSource(const Token& name) const {
  if (auto stage = ParseNumber(name.text, 10)) {
    if (*stage >= file_.stages.size()) return Refuse(name.place, "invalid stage index " + name.text);
    if (*stage >= number_)
      return Refuse(name.place, "stage " + name.text + " needs to be defined before the current stage");
    return Source{.kind = Source::Kind::kStage, .stage = *stage};
  }
  const std::string lower = LowerCase(name.text);
  if (auto stage = Earlier(lower)) return Source{.kind = Source::Kind::kStage, .stage = *stage};
  const bool later =
      std::ranges::any_of(file_.stages.begin() + static_cast<ptrdiff_t>(number_), file_.stages.end(),
                          [&](const Stage& stage) { return stage.from().name.text == lower; });
  if (later)
    return Refuse(name.place, "stage \"" + name.text + "\" needs to be defined before the current stage");
  if (lower == kScratch) return Source{.kind = Source::Kind::kScratch};
  return ContextOrImage(name.text);
}

Parsed<> NeedsFinder::AddSources(const Instruction& instruction, std::vector<Source>& sources) const {
  if (const Copy* copy = std::get_if<Copy>(&instruction.meaning);
      copy != nullptr && !copy->from.text.empty()) {
    if (copy->from.text.find_first_of("$'\"\\") != std::string::npos)
      return Refuse(copy->from.place,
                    "variable expansion is not supported for --from: define a new stage with FROM, "
                    "using ARG from global scope");
    sources.push_back(TRY(FindSource(copy->from)));
  }
  if (const Run* run = std::get_if<Run>(&instruction.meaning)) {
    for (const Token& mount : run->mounts) {
      const Token from = TRY(MountSource(mount));
      if (!from.text.empty()) sources.push_back(TRY(FindSource(from)));
    }
  }
  return {};
}

Parsed<> NeedsFinder::AddInstruction(const Instruction& instruction, StageNeeds& needs) {
  if (steps_ == kMaxSteps || step_bytes_ + instruction.bytes > kMaxStepBytes) {
    too_many_steps_ = true;
    return Refuse(instruction.place(), "too many instructions in all stages: ONBUILD repeats them");
  }
  ++steps_;
  step_bytes_ += instruction.bytes;
  needs.instructions.push_back(&instruction);
  return AddSources(instruction, needs.sources);
}

StageNeeds NeedsFinder::Find(size_t number) {
  number_ = number;
  const Stage& stage = file_.stages[number];
  StageNeeds needs;
  needs.base = OrProblem(FindBase(stage.from()));
  needs.platform = OrProblem(FindPlatform(stage.from()));
  std::vector<const Instruction*> instructions;
  if (needs.base.kind == Source::Kind::kStage) instructions = file_.stages[needs.base.stage].Triggers();
  for (const Instruction& instruction : stage.instructions) instructions.push_back(&instruction);
  for (const Instruction* instruction : instructions) {
    if (!too_many_steps_) OrProblem(AddInstruction(*instruction, needs));
  }
  if (!stage.from().name.text.empty()) by_name_[stage.from().name.text] = number;
  return needs;
}

}  // namespace

std::vector<StageNeeds> FindNeeds(const Dockerfile& file, GlobalScope& scope,
                                  std::vector<Problem>& problems) {
  NeedsFinder finder(file, scope, problems);
  std::vector<StageNeeds> needs;
  for (size_t number = 0; number < file.stages.size() && !finder.gives_up(); ++number)
    needs.push_back(finder.Find(number));
  return needs;
}

Parsed<size_t> FindTarget(const Dockerfile& file, std::string_view name) {
  if (name.empty()) return file.stages.size() - 1;
  std::vector<std::string> names;
  for (const Stage& stage : file.stages) names.push_back(stage.from().name.text);
  const auto found = std::ranges::find(names.rbegin(), names.rend(), LowerCase(name));
  if (found != names.rend()) return names.rend() - found - 1;
  auto number = ParseNumber(name, 10);
  if (number && *number < names.size()) return *number;
  return Refuse({}, "target stage \"" + std::string(name) + "\" could not be found",
                NearestWord(name, std::span<const std::string>(names)));
}

std::vector<size_t> NeededStages(const std::vector<StageNeeds>& needs, size_t target) {
  std::vector<bool> needed(needs.size(), false);
  needed[target] = true;
  // Each stage needs only stages before it.
  for (size_t number = target + 1; number-- > 0;) {
    if (!needed[number]) continue;
    if (needs[number].base.kind == Source::Kind::kStage) needed[needs[number].base.stage] = true;
    for (const Source& source : needs[number].sources) {
      if (source.kind == Source::Kind::kStage) needed[source.stage] = true;
    }
  }
  std::vector<size_t> stages;
  for (size_t number = 0; number <= target; ++number) {
    if (needed[number]) stages.push_back(number);
  }
  return stages;
}

}  // namespace davit::cli::dockerfile
