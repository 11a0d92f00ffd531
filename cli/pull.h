// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls an image and shows how far it is.
#pragma once

#include <string>

#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "cli/verbs.h"

namespace davit::cli {

// Uses the user's credentials (docker_config.h). Shows nothing.
Result<::davit::v1::PulledImage> PullQuietly(const Session& session, const std::string& reference);

// The same, and shows the progress on `fd`: on a terminal a line per layer that is drawn again and again,
// elsewhere a line per change of a layer's state.
Result<::davit::v1::PulledImage> PullShowing(const Session& session, const std::string& reference, int fd);

}  // namespace davit::cli
