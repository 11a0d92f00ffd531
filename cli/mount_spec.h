// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bind mounts, volumes and tmpfs as Docker's users write them.
#pragma once

#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// "[SOURCE:]CONTAINER_PATH[:ro|rw|nocopy]". The source is a path of the host or the name of a volume; without
// one, the volume is anonymous. A relative host path begins with "." and is one of this command's working
// directory. kInvalidArgument shows the grammar.
Result<> AddVolumeFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "type=bind,source=HOST_PATH,target=CONTAINER_PATH[,readonly]",
// "[type=volume,][source=NAME,]target=CONTAINER_PATH[,readonly][,volume-nocopy]" or
// "type=tmpfs,target=CONTAINER_PATH[,tmpfs-size=BYTES][,tmpfs-mode=OCTAL]", also with src, dst, destination
// and ro.
Result<> AddMountFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "CONTAINER_PATH[:OPTION,...]" with the options of mount(8) for a tmpfs: ro, rw, [no]exec, [no]suid,
// [no]dev, size=, mode=, uid=, gid=. The last of each kind counts.
Result<> AddTmpfsFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "CONTAINER[:ro|rw]".
Result<> AddVolumesFromFlag(const std::string& text, ::davit::v1::ContainerSpec& spec);

}  // namespace davit::cli
