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
#include "images/transfer_progress.h"
#include "images/unpack_process.h"
#include "images/unpack_report.h"

namespace davit::images {

struct StagedLayer {
  std::string staging;  // as in LayerTarget
  UniqueFd dir;
  UnpackReport report;
  UniqueFd notes;  // for ReadNotes
  LayerBlob blob;  // to be committed after the layer
};

// Begins the staging `staging` and fills its directory. Both digests are verified: the blob's by the source,
// `diff_id` here, except for a file of an artifact, which has only the former. What `blob` has kept is not
// fetched again. The steps that depend on the layers below are not done yet (layer_fixup.h). On failure
// nothing is staged.
Result<StagedLayer> FetchLayer(BlobSource& source, LayerTarget& layers, LayerBlob blob,
                               const std::string& unpack_program, const std::string& staging,
                               const Descriptor& descriptor, const std::string& diff_id,
                               const Interrupt& interrupt, LayerMeter meter);

}  // namespace davit::images
