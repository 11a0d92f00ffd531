// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_prune.h"

#include <utility>

namespace davit::cri {

Result<std::vector<images::ImageSummary>> RemoveUnused(
    std::vector<images::ImageSummary>& images, const std::function<bool(const images::ImageSummary&)>& may_go,
    const std::function<Result<>(const std::string& id)>& remove) {
  std::vector<images::ImageSummary> removed;
  std::vector<images::ImageSummary> kept;
  for (images::ImageSummary& image : images) {
    bool goes = may_go(image);
    if (goes) TRY(remove(image.id));
    (goes ? removed : kept).push_back(std::move(image));
  }
  images = std::move(removed);
  return kept;
}

}  // namespace davit::cri
