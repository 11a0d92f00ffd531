// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What images occupy on disk, and who uses them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cri/runtime/containers.h"
#include "images/image_record.h"

namespace davit::cri {

// A picture of one moment. A layer that several images share is counted once per sum.
class ImageUsage {
 public:
  // `layer_bytes` returns what a layer occupies, and is called once per layer.
  ImageUsage(std::vector<images::ImageSummary> images, const std::vector<ContainerUse>& containers,
             const std::function<uint64_t(const std::string& chain_id)>& layer_bytes);

  const std::vector<images::ImageSummary>& images() const { return images_; }

  // The number of containers that use the image, running or not.
  uint32_t ContainersOf(const std::string& image_id) const;

  // 0 for layers and images that are not in the picture.
  uint64_t BytesOf(const std::string& chain_id) const;
  uint32_t ImagesWith(const std::string& chain_id) const;
  uint64_t BytesOf(const images::ImageSummary& image) const;
  // Of layers that only this image has.
  uint64_t UniqueBytesOf(const images::ImageSummary& image) const;
  uint64_t TotalBytes() const;

  // What the removal of these images would free: their layers that no other image has and no container uses.
  uint64_t FreedBy(const std::vector<images::ImageSummary>& removed) const;

 private:
  struct Layer {
    uint64_t bytes = 0;
    uint32_t images = 0;
    bool in_use = false;
  };

  Layer LayerOf(const std::string& chain_id) const;

  std::vector<images::ImageSummary> images_;
  std::map<std::string, Layer> layers_;         // by chain ID
  std::map<std::string, uint32_t> containers_;  // by image id
};

}  // namespace davit::cri
