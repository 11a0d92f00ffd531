// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which images are never removed to free space.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "images/image_record.h"

namespace davit::cri {

class PinnedImages {
 public:
  // The patterns of the configuration (fnmatch(3)).
  explicit PinnedImages(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  // True if the image was pinned by its record, or if one of its references matches a pattern.
  bool Has(const images::ImageSummary& image) const {
    return image.pinned ||
           std::ranges::any_of(image.repo_tags, [this](const auto& t) { return Matches(t); }) ||
           std::ranges::any_of(image.repo_digests, [this](const auto& d) { return Matches(d); });
  }

 private:
  bool Matches(const std::string& reference) const {
    return std::ranges::any_of(patterns_, [&reference](const std::string& pattern) {
      return fnmatch(pattern.c_str(), reference.c_str(), /*flags=*/0) == 0;
    });
  }

  std::vector<std::string> patterns_;
};

}  // namespace davit::cri
