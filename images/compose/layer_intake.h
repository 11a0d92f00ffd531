// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Makes an image of a layer that this node has made.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/archive/image_load.h"
#include "images/digest.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/manifest_search.h"
#include "images/space_reserve.h"

namespace davit::images {

// Use: Start, Write for the bytes of the blob, Describe, AddImage. The blob waits in a staged directory of
// the layer store, as an archive that is loaded; the destructor removes the directory, and after a crash the
// layer store does. Not thread-safe.
class LayerIntake {
 public:
  // `interrupt` must outlive the object.
  static Result<std::unique_ptr<LayerIntake>> Start(ImageLoad::Context context, const Interrupt& interrupt);
  ~LayerIntake();
  LayerIntake(const LayerIntake&) = delete;
  LayerIntake& operator=(const LayerIntake&) = delete;

  // Its own directory, which is empty but for the blob.
  Result<UniqueFd> OpenDirectory() const;

  // kResourceExhausted if the filesystem has too little free space (space_reserve.h).
  Result<> Write(std::string_view piece);
  // Size and digest of what was written. Call it once.
  Descriptor Describe();

  // Unpacks and verifies the layer, keeps its blob, and adds the image, whose other layers the node has,
  // under the tag; empty: none. Returns its id.
  Result<std::string> AddImage(ImageDocuments documents, const std::string& tag);

 private:
  LayerIntake(ImageLoad::Context context, std::string staging, Hasher hasher, const Interrupt& interrupt)
      : context_(std::move(context)),
        staging_(std::move(staging)),
        hasher_(std::move(hasher)),
        interrupt_(interrupt) {}

  Result<> Open();

  const ImageLoad::Context context_;
  const std::string staging_;
  UniqueFd dir_;
  UniqueFd blob_;
  std::unique_ptr<SpaceReserve> space_;
  Hasher hasher_;
  Descriptor descriptor_;
  const Interrupt& interrupt_;
};

}  // namespace davit::images
