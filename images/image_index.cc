// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_index.h"

#include <algorithm>

#include "images/digest.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr std::string_view kIdPrefix = "sha256:";

void Merge(std::vector<std::string>& names, const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

bool IsHex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

std::unexpected<Error> NotFound(const std::string& ref) {
  return Fail(Code::kNotFound, "find image", ref, "there is no such image");
}

}  // namespace

ImageIndex::Change ImageIndex::Plan(ImageSummary pulled) const {
  Change change;
  for (const std::string& tag : pulled.repo_tags) {
    auto holder = references_.find(tag);
    if (holder == references_.end() || holder->second == pulled.id) continue;
    auto other = std::ranges::find(change.untagged, holder->second, &ImageSummary::id);
    if (other == change.untagged.end())
      other = change.untagged.insert(change.untagged.end(), images_.at(holder->second));
    std::erase(other->repo_tags, tag);
  }
  if (auto known = images_.find(pulled.id); known != images_.end()) {
    Merge(pulled.repo_tags, known->second.repo_tags);
    Merge(pulled.repo_digests, known->second.repo_digests);
    pulled.pinned = known->second.pinned;
    pulled.keeps_blobs = pulled.keeps_blobs || known->second.keeps_blobs;
    pulled.pulled_by_digest = pulled.pulled_by_digest || known->second.pulled_by_digest;
  }
  change.added = std::move(pulled);
  return change;
}

void ImageIndex::Put(const ImageSummary& image) {
  Remove(image.id);
  images_[image.id] = image;
  for (const std::string& tag : image.repo_tags) {
    auto [holder, added] = references_.emplace(tag, image.id);
    if (added) continue;
    std::erase(images_.at(holder->second).repo_tags, tag);
    holder->second = image.id;
  }
  for (const std::string& digest : image.repo_digests) references_[digest] = image.id;
}

void ImageIndex::Remove(const std::string& id) {
  images_.erase(id);
  std::erase_if(references_, [&id](const auto& reference) { return reference.second == id; });
}

Result<ImageSummary> ImageIndex::Find(const std::string& ref) const {
  if (auto image = images_.find(ref); image != images_.end()) return image->second;
  if (auto reference = ParseReference(ref)) {
    auto named = references_.find(reference->Normalised());
    if (named != references_.end()) return images_.at(named->second);
  }
  std::string_view digits = ref;
  if (digits.starts_with(kIdPrefix)) digits.remove_prefix(kIdPrefix.size());
  if (!IsHex(digits)) return NotFound(ref);
  std::string prefix = std::string(kIdPrefix) + std::string(digits);
  auto first = images_.lower_bound(prefix);
  if (first == images_.end() || !first->first.starts_with(prefix)) return NotFound(ref);
  if (auto second = std::next(first); second != images_.end() && second->first.starts_with(prefix)) {
    return Fail(Code::kInvalidArgument, "find image", ref, "the beginning of several image ids");
  }
  return first->second;
}

std::vector<ImageSummary> ImageIndex::List() const {
  std::vector<ImageSummary> images;
  for (const auto& [id, image] : images_) images.push_back(image);
  return images;
}

std::set<std::string> ImageIndex::Layers() const {
  std::set<std::string> layers;
  for (const auto& [id, image] : images_) layers.insert(image.chain_ids.begin(), image.chain_ids.end());
  return layers;
}

bool ImageIndex::UsesLayer(const std::string& chain_id) const {
  return std::any_of(images_.begin(), images_.end(), [&chain_id](const auto& image) {
    const std::vector<std::string>& layers = image.second.chain_ids;
    return std::find(layers.begin(), layers.end(), chain_id) != layers.end();
  });
}

}  // namespace davit::images
