// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks a Dockerfile as a build would, without images.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/build/dockerfile/scope.h"
#include "cli/build/dockerfile/warnings.h"

namespace davit::cli::dockerfile {

struct CheckReport {
  std::vector<Problem> errors = {};      // in order of their places; a build would fail
  std::vector<Warning> warnings = {};    // in order of their places; those that `# check=` skips are omitted
  std::vector<std::string> stages = {};  // that the target needs, in the order of the file

  bool warnings_are_errors = false;  // there are some, and the file says `# check=error=true`

  bool Passes() const { return errors.empty() && !warnings_are_errors; }
};

// `text` is the file. Errors in the instructions of all stages are found; variables are expanded in the
// stages that the target needs.
CheckReport Check(std::string_view text, const BuildSettings& settings);

}  // namespace davit::cli::dockerfile
