// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that is about the files of containers: cp, diff, export, commit, import.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/container_grammar.h"

namespace davit::cli {

// As ContainerGrammar.
class FilesGrammar {
 public:
  using AddVerb = ContainerGrammar::AddVerb;

  // The verbs on containers.
  void AddTo(const AddVerb& add);
  // `import`, which is a verb on images.
  void AddImportTo(const AddVerb& add);

 private:
  CpOptions cp_;
  DiffOptions diff_;
  ExportOptions export_;
  CommitOptions commit_;
  ImportOptions import_;
  bool pause_ = false;
};

}  // namespace davit::cli
