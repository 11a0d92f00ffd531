// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that is about containers: `davit run`, `davit container run`…
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <set>
#include <string>

#include "cli/verbs.h"

namespace davit::cli {

// The verbs bind to members of this object, which must outlive the parser.
class ContainerGrammar {
 public:
  // Adds a verb to a command; `take` returns its options after parsing.
  using AddVerb =
      std::function<CLI::App*(const std::string& name, const std::string& help, std::function<Verb()> take)>;

  // Adds all verbs. Called for the command itself and for its group "container".
  void AddTo(const AddVerb& add);

  // Takes the words of a verb that has an image or a container and then a command, whose options are not
  // ours. Throws CLI::ParseError.
  void TakeWords(const CLI::App& verb);

 private:
  void AddRun(const AddVerb& add);
  void AddRunFlags(CLI::App& verb);
  void AddIsolation(CLI::App& verb);
  void AddLooks(const AddVerb& add);
  void AddSessions(const AddVerb& add);
  void AddChanges(const AddVerb& add);

  std::set<const CLI::App*> with_image_;
  std::set<const CLI::App*> with_command_;
  std::set<const CLI::App*> with_ps_options_;
  RunOptions run_;
  PsOptions ps_;
  PortOptions port_;
  LogsOptions logs_;
  ExecOptions exec_;
  AttachOptions attach_;
  StartOptions start_;
  StopOptions stop_;
  RestartOptions restart_;
  KillOptions kill_;
  PauseOptions pause_;
  UnpauseOptions unpause_;
  WaitOptions wait_;
  RenameOptions rename_;
  InspectOptions inspect_;
  TopOptions top_;
  StatsOptions stats_;
  RmOptions rm_;
};

}  // namespace davit::cli
