// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Removes many images while the node is in use.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"

namespace davit::cri {

// Removes the images one after the other. A removal waits for the disk, and meanwhile people use, tag and pin
// others: `may_go` is asked about each image right before its own. Takes those that may not go from `images`,
// and returns them. The errors of `remove`: the images after that one are not removed.
Result<std::vector<images::ImageSummary>> RemoveUnused(
    std::vector<images::ImageSummary>& images, const std::function<bool(const images::ImageSummary&)>& may_go,
    const std::function<Result<>(const std::string& id)>& remove);

}  // namespace davit::cri
