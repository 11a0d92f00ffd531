// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads archives of `docker save`: manifest.json names a config and layers for each image. For the limits and
// errors see archived_image.h.
#pragma once

#include <vector>

#include "base/error.h"
#include "images/archive/archived_image.h"

namespace davit::images {

Result<std::vector<ArchiveEntry>> ListDockerArchive(const StagedFiles& files);

Result<ArchivedImage> ReadDockerImage(const StagedFiles& files, const ArchiveEntry& entry,
                                      const Interrupt& interrupt);

}  // namespace davit::images
