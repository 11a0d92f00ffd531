// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fetches one layer and unpacks it into a staged directory.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/blob_source.h"
#include "images/interrupt.h"
#include "images/layer_blob.h"
#include "images/layer_store.h"
#include "images/manifest.h"
#include "images/pull_progress.h"
#include "images/unpack_process.h"
#include "images/unpack_report.h"

namespace davit::images {

struct StagedLayer {
  UniqueFd dir;
  UnpackReport report;
  LayerBlob blob;  // to be committed after the layer
};

// Stages `chain_id` and fills its directory. Both digests are verified: the blob's by the source, `diff_id`
// here. What `blob` has kept is not fetched again. The steps that depend on the layers below are not done yet
// (layer_fixup.h). On failure the layer is not staged.
Result<StagedLayer> FetchLayer(BlobSource& source, LayerStore& layers, LayerBlob blob,
                               const std::string& unpack_program, const std::string& chain_id,
                               const Descriptor& descriptor, const std::string& diff_id,
                               const Interrupt& interrupt, LayerMeter meter);

}  // namespace davit::images
