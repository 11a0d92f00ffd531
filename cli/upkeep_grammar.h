// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the command line that changes and watches what exists: update, events.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/container_grammar.h"

namespace davit::cli {

// As ContainerGrammar.
class UpkeepGrammar {
 public:
  void AddTo(const ContainerGrammar::AddVerb& add);
  // `events`, which is not about containers alone.
  void AddEventsTo(const ContainerGrammar::AddVerb& add);

 private:
  UpdateOptions update_;
  EventsOptions events_;
};

}  // namespace davit::cli
