// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Brings blobs into a repository, each in the cheapest way: it is there, it can be mounted, or it is
// uploaded.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/blob_source.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/push/blob_upload.h"
#include "images/push/upload_client.h"
#include "images/retry_policy.h"
#include "images/transfer_progress.h"

namespace davit::images {

// What pushes of several blobs share. All must outlive them.
struct BlobPushContext {
  UploadClient& client;
  const std::string& host;  // of the client, for errors
  BlobSource& source;
  const std::string& mount_from;  // as in PushTarget
  const RetryLimits& retry;
  const UploadLimits& limits;
  LongPieceTurn& long_pieces;
  Interrupt& interrupt;
  TransferProgress& progress;
};

// Pushes the blobs on at most `threads` threads and waits for the end. The first failure stops all of them;
// the error's subject is the digest of its blob. Begins `progress` with these blobs.
Result<> PushBlobs(const BlobPushContext& context, const std::vector<Descriptor>& blobs, size_t threads);

}  // namespace davit::images
