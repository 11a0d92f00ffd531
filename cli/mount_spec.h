// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bind mounts and volumes as Docker's users write them.
#pragma once

#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// "[SOURCE:]CONTAINER_PATH[:ro|rw|nocopy]". The source is a path of the host or the name of a volume; without
// one, the volume is anonymous. A relative host path begins with "." and is one of this command's working
// directory. kInvalidArgument shows the grammar.
Result<> AddVolumeFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "type=bind,source=HOST_PATH,target=CONTAINER_PATH[,readonly]" or
// "[type=volume,][source=NAME,]target=CONTAINER_PATH[,readonly][,volume-nocopy]", also with src, dst,
// destination and ro.
Result<> AddMountFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

}  // namespace davit::cli
