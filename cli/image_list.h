// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

#include <vector>

#include "cli/daemon.h"

namespace davit::cli {

// All messages of Images.List as one list.
Result<std::vector<api::Image>> ListImages(const Daemon& daemon, const api::ListImagesRequest& request);

}  // namespace davit::cli
