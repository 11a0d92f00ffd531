// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images in memory, and what their names mean.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"

namespace davit {

// Plain data; its owner guards it.
class ImageIndex {
 public:
  // What adding an image would change: the record to keep, and the images that lose a tag to it.
  struct Change {
    ImageRecord added;
    std::vector<ImageRecord> untagged;
  };

  // `pulled` has the one tag or digest that it was pulled by; an image that is known already keeps its
  // others.
  Change Plan(ImageRecord pulled) const;

  // Puts the record in, replacing one of the same id. Its tags are taken from whatever has them.
  void Put(const ImageRecord& record);
  void Remove(const std::string& id);

  // As ImageStore::Find.
  Result<ImageRecord> Find(const std::string& ref) const;
  std::vector<ImageRecord> List() const;
  std::set<std::string> Layers() const;  // chain IDs of all images
  bool UsesLayer(const std::string& chain_id) const;

 private:
  std::map<std::string, ImageRecord> images_;      // by id
  std::map<std::string, std::string> references_;  // every tag and digest reference, to its image's id
};

}  // namespace davit
