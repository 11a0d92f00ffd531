// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The blobs that an image consists of.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"

namespace davit::images {

// The digests of the image's layers, config and manifest, and of the indexes that it was pulled or loaded by.
// kInvalidArgument if the manifest cannot be read.
Result<std::set<std::string>> BlobsOf(const ImageRecord& image);

// The digests of all these images, whose documents are in `records`. An image without a record has none: it
// is being removed.
Result<std::set<std::string>> BlobsOf(const std::vector<ImageSummary>& images, const ImageRecords& records);

}  // namespace davit::images
