// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images in memory, and the lookup of their names.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"

namespace davit::images {

// Not thread-safe: the owner guards it with a mutex.
class ImageIndex {
 public:
  // The changes that are needed to add an image: its record, and the records of the images that lose a tag to
  // it.
  struct Change {
    ImageSummary added;
    std::vector<ImageSummary> untagged;
  };

  // `pulled` contains only the tag or digest that it was pulled by. An image that is already known keeps its
  // other tags and digests.
  Change Plan(ImageSummary pulled) const;

  // Adds the record, or replaces the one with the same id. Other images lose the tags that it has.
  void Put(const ImageSummary& image);
  void Remove(const std::string& id);

  // See ImageCatalog::Find.
  Result<ImageSummary> Find(const std::string& ref) const;
  std::vector<ImageSummary> List() const;
  std::set<std::string> Layers() const;  // chain IDs of all images
  bool UsesLayer(const std::string& chain_id) const;

 private:
  std::map<std::string, ImageSummary> images_;     // by id
  std::map<std::string, std::string> references_;  // maps every tag and digest reference to an image id
};

}  // namespace davit::images
