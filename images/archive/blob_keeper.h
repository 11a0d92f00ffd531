// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Puts blobs into the blob store.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "images/archive/staged_files.h"
#include "images/blob_store.h"
#include "images/interrupt.h"
#include "images/manifest.h"

namespace davit::images {

std::vector<std::string> DigestsOf(const std::vector<Descriptor>& blobs);

// Copies the blob from the source, unless the store has it. Waits for another writer of it. The caller holds
// the blob. kDataLoss if the descriptor has another size than the blob.
Result<> KeepBlob(BlobStore& store, const Descriptor& blob, BlobSource& source, const Interrupt& interrupt);

// The same for a blob of an archive: links its file into the store, or copies it where that is not possible.
// kDataLoss also if the file has another digest.
Result<> KeepStagedBlob(BlobStore& store, const Descriptor& blob, StagedBlobSource& staged,
                        const Interrupt& interrupt);

}  // namespace davit::images
