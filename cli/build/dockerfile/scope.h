// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which variables an instruction sees.
//
// Arguments before the first FROM are visible in FROM, and in a stage that declares them again without a
// value. In a stage, ARG and ENV set a variable from their line on, the last one counts, and stages built
// FROM this one inherit it. A --build-arg replaces the value of an ARG, but declares none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/expander.h"
#include "cli/build/dockerfile/instruction.h"
#include "cli/build/dockerfile/mount.h"

namespace davit::cli::dockerfile {

struct BuildPlatform {
  std::string os = "linux";
  std::string architecture = "amd64";  // as Go names it
  std::string variant = {};            // "v7"

  // "linux/arm/v7".
  std::string ToString() const;
};

// What the command line says.
struct BuildSettings {
  std::map<std::string, std::string, std::less<>> arguments = {};  // --build-arg
  std::string target = {};                                         // --target; empty: the last stage
  std::set<std::string, std::less<>> named_contexts = {};          // --build-context
  BuildPlatform build_platform = {};
  BuildPlatform target_platform = {};
};

// HTTP_PROXY and the like: RUN gets them from --build-arg without ARG. They are in no cache key and no
// history unless they are declared.
bool IsPredefinedArgument(std::string_view name);

// The scope of FROM. It begins with TARGETPLATFORM, TARGETOS, TARGETARCH, TARGETVARIANT, TARGETSTAGE, and
// BUILDPLATFORM, BUILDOS, BUILDARCH, BUILDVARIANT.
class GlobalScope {
 public:
  // `settings` must outlive the scope.
  GlobalScope(const BuildSettings& settings, std::string_view target_stage, char escape);

  Parsed<> Declare(const Arg& arg);
  // A word of FROM.
  Parsed<std::string> Expand(const Token& word);

  const Variables& variables() const { return variables_; }
  const BuildSettings& settings() const { return *settings_; }
  char escape() const { return escape_; }
  // Variables that words of FROM wanted and that are not set.
  const std::set<std::string>& unset() const { return unset_; }
  ExpansionBudget& budget() { return budget_; }

 private:
  const BuildSettings* settings_;
  char escape_;
  Variables variables_;
  ExpansionBudget budget_;
  std::set<std::string> unset_;
};

// The scope of a stage, as its instructions change it. The global scope must outlive it.
class StageScope {
 public:
  explicit StageScope(GlobalScope& global) : global_(&global) {}

  // Of a stage that is built FROM this one, at its end. The problem, at `place`, of stages that inherit too
  // much.
  Parsed<StageScope> Inherit(Place place) const;

  // A variable of the base image. False if there are too many (kMaxVariableBytes).
  [[nodiscard]] bool SetFromImage(std::string_view name, std::string_view value);

  // Expands an instruction of the stage, and sets what ARG and ENV set. Arguments of the result have their
  // values in force, or none.
  Parsed<Instruction> Apply(const Instruction& instruction);
  Parsed<std::vector<Mount>> Mounts(const Run& run);

  // The environment of a RUN: all variables, in the order in which they were first set.
  const Variables& variables() const { return variables_; }
  // The declared arguments with their values, in order; history and cache keys of RUN have them.
  const Variables& arguments() const { return arguments_; }
  // Variables that were wanted and are not set, of the last instruction.
  const std::set<std::string>& unset() const { return unset_; }

 private:
  Expander MakeExpander(bool contents) const;
  Parsed<> Declare(Arg::Argument& argument);
  Parsed<> Set(const Token& name, std::string_view value);

  GlobalScope* global_;
  Variables variables_;
  Variables arguments_;
  std::set<std::string> unset_;
};

}  // namespace davit::cli::dockerfile
