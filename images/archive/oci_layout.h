// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads OCI image layouts (image-spec image-layout.md). For the limits and errors see archived_image.h.
#pragma once

#include <vector>

#include "base/error.h"
#include "images/archive/archived_image.h"

namespace davit::images {

// The entries of index.json, each image once with all its names. Of several entries with the same name, or
// of several without one, that are for different platforms, the one for `platform`.
Result<std::vector<ArchiveEntry>> ListOciLayout(const StagedFiles& files, const Platform& platform);

Result<ArchivedImage> ReadOciImage(const StagedFiles& files, const ArchiveEntry& entry,
                                   const Platform& platform);

}  // namespace davit::images
