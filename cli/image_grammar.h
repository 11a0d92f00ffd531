// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that is about images: `davit pull`, `davit image pull`…
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/container_grammar.h"
#include "cli/verbs.h"

namespace davit::cli {

// As ContainerGrammar.
class ImageGrammar {
 public:
  using AddVerb = ContainerGrammar::AddVerb;

  // The verbs of the command itself.
  void AddTo(const AddVerb& add);
  // Those of its group "image": the same, and more.
  void AddGroupTo(const AddVerb& add);

 private:
  void AddBoth(const AddVerb& add, const std::string& list, const std::string& remove);
  void AddNames(const AddVerb& add);
  void AddList(const AddVerb& add, const std::string& name);
  void AddCarry(const AddVerb& add);
  void AddHealth(const AddVerb& add);

  PullOptions pull_;
  PushOptions push_;
  SaveOptions save_;
  LoadOptions load_;
  ImagesOptions images_;
  RmiOptions rmi_;
  TagOptions tag_;
  UntagOptions untag_;
  ImageInspectOptions inspect_;
  ImageHistoryOptions history_;
  ImagePruneOptions prune_;
  ImageVerifyOptions verify_;
  ImageRepairOptions repair_;
};

}  // namespace davit::cli
