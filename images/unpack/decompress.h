// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// gzip (several members, RFC 1952), zstd (several frames, RFC 8878) and plain streams.
#pragma once

#include <memory>

#include "base/error.h"
#include "images/unpack/chunk_stream.h"

namespace davit::images {

// Returns a stream of the uncompressed data; `input` must outlive it. The format is detected from the first
// bytes, not from the media type, because some builders write wrong ones. kDataLoss if the stream is corrupt
// or truncated; kUnimplemented for bzip2 and xz.
Result<std::unique_ptr<ChunkStream>> Decompress(ChunkStream& input);

}  // namespace davit::images
