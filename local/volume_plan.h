// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The volumes that a new container mounts.
#pragma once

#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "images/image_config.h"
#include "local/volume_record.h"

namespace davit::local {

// Of the API: an image must not make any number of volumes.
inline constexpr int kMostVolumesOfContainer = 100;

// A container whose mounts a new one gets, too.
struct MountSource {
  const ::davit::v1::ContainerSpec& spec;
  const std::vector<VolumeUse>& volumes;
  bool read_only = false;  // in the new one
};

// Adds the binds of `from` to `spec`, and its volumes to `volumes`, except where one of these has a mount.
void TakeMounts(const MountSource& from, ::davit::v1::ContainerSpec& spec, std::vector<VolumeUse>& volumes);

// Those of the spec, those of other containers (`taken`), and an anonymous one for each path that the image
// declares as a volume and that none of these mounts covers. Targets are cleaned. kInvalidArgument if two
// have the same target, if one is the root, and if there are too many.
Result<std::vector<VolumeUse>> PlanVolumes(const ::davit::v1::ContainerSpec& spec,
                                           const images::ImageConfig& image,
                                           const std::vector<VolumeUse>& taken = {});

}  // namespace davit::local
