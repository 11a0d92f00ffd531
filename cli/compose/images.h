// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images of services.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/model/project.h"
#include "cli/compose/progress.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

struct ImageChoice {
  bool build = false;     // also images that there are
  std::string pull = {};  // always, missing or never; empty: as each service says
};

// Pulls and builds what the services need.
Result<> GetImages(const Session& session, const Project& project, const std::vector<std::string>& services,
                   const ImageChoice& choice, Progress& progress);

// Pulls images, several at the same time.
Result<> PullAll(const Session& session, const std::vector<std::string>& images, Progress& progress);

// Builds the service's image.
Result<> BuildImage(const Session& session, const Project& project, const Service& service);

}  // namespace davit::cli::compose
