// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What containers need of images.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/layer_hold.h"

namespace davit {

struct HeldImage {
  ImageRecord record;
  LayerHold layers;
};

// Thread-safe. Outlives its holds.
class ImageLookup {
 public:
  virtual ~ImageLookup() = default;

  // By id, by tag or digest reference, or by an unambiguous beginning of the id's digits; its layers are held
  // in the same step, so that no removal comes in between. kNotFound; kInvalidArgument for an ambiguous
  // beginning.
  virtual Result<HeldImage> FindAndHold(const std::string& ref) = 0;

  // The last release of a layer that no image has removes the layer.
  virtual LayerHold Hold(std::vector<std::string> chain_ids) = 0;
  // The daemon stops and its containers go on: releases from now on remove nothing.
  virtual void KeepReleased() = 0;

  // Chain IDs of images, of holds and of pulls in progress: every other layer is an orphan.
  virtual std::set<std::string> LiveLayers() const = 0;
};

}  // namespace davit
