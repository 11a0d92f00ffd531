// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_usage.h"

#include <set>

namespace davit::cri {

ImageUsage::ImageUsage(std::vector<images::ImageSummary> images, const std::vector<ContainerUse>& containers,
                       const std::function<uint64_t(const std::string& chain_id)>& layer_bytes)
    : images_(std::move(images)) {
  std::map<std::string, std::string> ids;  // of images, by id and by digest reference
  for (const images::ImageSummary& image : images_) {
    ids[image.id] = image.id;
    for (const std::string& digest : image.repo_digests) ids[digest] = image.id;
    for (const std::string& chain_id : image.chain_ids) ++layers_[chain_id].images;
  }
  for (auto& [chain_id, layer] : layers_) layer.bytes = layer_bytes(chain_id);
  for (const ContainerUse& container : containers) {
    std::set<std::string> used;
    if (container.may_use_any)
      for (const images::ImageSummary& image : images_) used.insert(image.id);
    for (const std::string& image : container.images) {
      if (auto id = ids.find(image); id != ids.end()) used.insert(id->second);
    }
    for (const std::string& id : used) ++containers_[id];
    for (const std::string& chain_id : container.chain_ids) {
      if (auto layer = layers_.find(chain_id); layer != layers_.end()) layer->second.in_use = true;
    }
  }
}

uint32_t ImageUsage::ContainersOf(const std::string& image_id) const {
  auto found = containers_.find(image_id);
  return found == containers_.end() ? 0 : found->second;
}

ImageUsage::Layer ImageUsage::LayerOf(const std::string& chain_id) const {
  auto found = layers_.find(chain_id);
  return found == layers_.end() ? Layer() : found->second;
}

uint64_t ImageUsage::BytesOf(const std::string& chain_id) const {
  return LayerOf(chain_id).bytes;
}

uint32_t ImageUsage::ImagesWith(const std::string& chain_id) const {
  return LayerOf(chain_id).images;
}

uint64_t ImageUsage::BytesOf(const images::ImageSummary& image) const {
  uint64_t sum = 0;
  for (const std::string& chain_id : image.chain_ids) sum += BytesOf(chain_id);
  return sum;
}

uint64_t ImageUsage::UniqueBytesOf(const images::ImageSummary& image) const {
  uint64_t sum = 0;
  for (const std::string& chain_id : image.chain_ids)
    sum += ImagesWith(chain_id) == 1 ? BytesOf(chain_id) : 0;
  return sum;
}

uint64_t ImageUsage::TotalBytes() const {
  uint64_t sum = 0;
  for (const auto& [chain_id, layer] : layers_) sum += layer.bytes;
  return sum;
}

uint64_t ImageUsage::FreedBy(const std::vector<images::ImageSummary>& removed) const {
  std::map<std::string, uint32_t> users;  // images among `removed`, by chain ID
  for (const images::ImageSummary& image : removed) {
    for (const std::string& chain_id : image.chain_ids) ++users[chain_id];
  }
  uint64_t sum = 0;
  for (const auto& [chain_id, count] : users) {
    Layer layer = LayerOf(chain_id);
    if (count == layer.images && !layer.in_use) sum += layer.bytes;
  }
  return sum;
}

}  // namespace davit::cri
