// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that is about projects: `davit compose up`…
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/compose/options.h"
#include "cli/container_grammar.h"

namespace davit::cli::compose {

// The verbs bind to members of this object, which must outlive the parser.
class Grammar {
 public:
  // Adds the verbs and the options in front of them to the group "compose".
  void AddTo(CLI::App& group, const ContainerGrammar::AddVerb& add);

  // Takes the words of a verb that has a service and then a command, whose options are not ours. Throws
  // CLI::ParseError.
  void TakeWords(const CLI::App& verb);

 private:
  template <typename Verb>
  CLI::App& Add(const ContainerGrammar::AddVerb& add, const std::string& name, const std::string& help,
                const Verb& verb);
  void AddUp(const ContainerGrammar::AddVerb& add);
  void AddLooks(const ContainerGrammar::AddVerb& add);
  void AddCommands(const ContainerGrammar::AddVerb& add);
  void AddImages(const ContainerGrammar::AddVerb& add);
  CLI::App& AddChange(const ContainerGrammar::AddVerb& add, const std::string& name, const std::string& help,
                      Change& change, Change::What what);
  void AddConfig(const ContainerGrammar::AddVerb& add);

  ProjectOptions project_;
  Up up_;
  Up create_;
  Down down_;
  Ps ps_;
  Logs logs_;
  Exec exec_;
  Run run_;
  Pull pull_;
  Push push_;
  Build build_;
  Change start_;
  Change stop_;
  Change restart_;
  Change kill_;
  Change remove_;
  Top top_;
  PortOf port_;
  Images images_;
  Config config_;
  std::string hash_;
  Ls ls_;
  const CLI::App* with_exec_ = nullptr;
  const CLI::App* with_run_ = nullptr;
};

}  // namespace davit::cli::compose
