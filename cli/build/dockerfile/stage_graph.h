// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which stages, images and contexts a stage needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/scope.h"

namespace davit::cli::dockerfile {

// What FROM, COPY --from or RUN --mount=from= names.
struct Source {
  enum class Kind : unsigned char { kStage, kImage, kScratch, kContext };

  Kind kind = Kind::kImage;
  size_t stage = 0;       // of kStage
  std::string name = {};  // of kImage and kContext
};

struct StageNeeds {
  Source base = {};
  std::string platform = {};                          // "linux/arm64"; empty: the target's
  std::vector<const Instruction*> instructions = {};  // the triggers of a base that is a stage, then its own
  std::vector<Source> sources = {};  // of COPY --from and RUN --mount, in order; some may repeat
};

// For each stage, in order. Expands the words of FROM. `scope` has the global arguments already; `file` must
// outlive the result. A source is, in this order: a stage before this one, by its number or its name, the
// last of that name; a named context; an image. Adds to `problems`: an empty image, a platform of a wrong
// form, a variable in --from, a source that is this stage or a later one, or a number without a stage. After
// kMaxProblems, or instructions beyond kMaxSteps, the result has not all stages.
std::vector<StageNeeds> FindNeeds(const Dockerfile& file, GlobalScope& scope, std::vector<Problem>& problems);

// The number of the stage that `name` (or its number; empty: the last one) is. `file` has a stage.
Parsed<size_t> FindTarget(const Dockerfile& file, std::string_view name);

// The stages that `target` needs, itself included, in ascending order: each one comes after those that it
// needs.
std::vector<size_t> NeededStages(const std::vector<StageNeeds>& needs, size_t target);

}  // namespace davit::cli::dockerfile
