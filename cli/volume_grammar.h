// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that is about volumes: `davit volume create`…
#pragma once

#include <CLI/CLI.hpp>

#include "cli/container_grammar.h"
#include "cli/verbs.h"

namespace davit::cli {

// The verbs bind to members of this object, which must outlive the parser.
class VolumeGrammar {
 public:
  void AddTo(const ContainerGrammar::AddVerb& add);

 private:
  VolumeCreateOptions create_;
  VolumeListOptions list_;
  VolumeInspectOptions inspect_;
  VolumeRemoveOptions remove_;
  VolumePruneOptions prune_;
};

}  // namespace davit::cli
