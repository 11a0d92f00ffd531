// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the image store that containers use.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/layer_hold.h"

namespace davit::images {

struct HeldImage {
  ImageRecord record;
  LayerHold layers;
};

// Thread-safe. Must outlive the holds that it returns.
class ImageLookup {
 public:
  virtual ~ImageLookup() = default;

  // Finds an image by id, by tag or digest reference, or by an unambiguous prefix of the id's digits. Its
  // layers are held in the same step, so that they cannot be removed in between; the documents are read from
  // the records. kNotFound; kInvalidArgument
  // for an ambiguous prefix.
  virtual Result<HeldImage> FindAndHold(const std::string& ref) = 0;

  // Waits until a removal of the image that has begun, or another change of its names, is complete. kNotFound
  // if the image is gone then. `id` is the whole id.
  virtual Result<> Settle(const std::string& id) = 0;

  // Holds these layers. A layer is removed when its last hold is released and no image uses it.
  virtual LayerHold Hold(std::vector<std::string> chain_ids) = 0;
  // For the shutdown of the daemon, whose containers keep running: from now on a release removes no layer.
  virtual void KeepReleased() = 0;

  // Chain IDs of the layers of all images, holds and pulls in progress, and of those that stay for a retry.
  // Every other layer is an orphan.
  virtual std::set<std::string> LiveLayers() const = 0;
};

}  // namespace davit::images
