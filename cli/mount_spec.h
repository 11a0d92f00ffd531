// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bind mounts as Docker's users write them.
#pragma once

#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// "HOST_PATH:CONTAINER_PATH[:ro|rw]". A relative host path begins with "." and is one of this command's
// working directory. kInvalidArgument shows the grammar.
Result<::davit::v1::BindMount> ParseVolumeFlag(const std::string& text);

// "type=bind,source=HOST_PATH,target=CONTAINER_PATH[,readonly]", also with src, dst, destination and ro.
Result<::davit::v1::BindMount> ParseMountFlag(const std::string& text);

}  // namespace davit::cli
