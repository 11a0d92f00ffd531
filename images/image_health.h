// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether the data of an image is on disk as it was when the image was recorded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/blob_store.h"
#include "images/image_record.h"
#include "images/interrupt.h"
#include "images/layer_store.h"

namespace davit::images {

struct LayerHealth {
  enum class State : uint8_t {
    kWhole,
    kUnknown,  // it exists, but an older release has committed it and recorded nothing to compare it with
    kDamaged,
    kMissing,
  };
  std::string chain_id;
  State state = State::kWhole;
  LayerFindings findings;

  bool IsUsable() const { return state == State::kWhole || state == State::kUnknown; }
};

struct ImageHealth {
  ImageSummary image;
  std::vector<LayerHealth> layers;         // bottom first
  std::vector<std::string> bad_blobs;      // digests of FindBadBlobs
  std::vector<std::string> bad_documents;  // why the config or the manifest is not the recorded one

  // An incomplete image is not, also if nothing is damaged: it has to be listed again.
  bool IsWhole() const;
};

// The results for layers that were checked before: images share layers.
using CheckedLayers = std::map<std::string, LayerHealth>;  // by chain ID

// What CheckImage reads.
struct ImageData {
  const LayerStore& layers;
  const BlobStore& blobs;
};

// Checks the layers, the documents and, with kContents, those blobs of the image that the node keeps. Nothing
// may remove layers of the image meanwhile. kCancelled; other errors are the node's, not the image's.
Result<ImageHealth> CheckImage(const ImageRecord& image, const ImageData& data, CheckDepth depth,
                               const Interrupt& interrupt, CheckedLayers& checked);

// The digests of the layers' blobs that an image with keeps_blobs lacks. None of other images.
std::vector<std::string> FindMissingBlobs(const ImageRecord& image, const BlobStore& blobs);

// The digests of those blobs of the image that have other content; for an image with keeps_blobs, also of the
// layers' blobs that are missing. None if the manifest cannot be read. kCancelled.
Result<std::vector<std::string>> FindBadBlobs(const ImageRecord& image, const BlobStore& blobs,
                                              const Interrupt& interrupt);

}  // namespace davit::images
