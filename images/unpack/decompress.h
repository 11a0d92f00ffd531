// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// gzip (several members, RFC 1952), zstd (several frames, RFC 8878) and plain streams.
#pragma once

#include <memory>

#include "base/error.h"
#include "images/unpack/chunk_stream.h"

namespace davit {

// The uncompressed form of `input`, which outlives it. The first bytes decide, not the media type: builders
// are known to write wrong ones. kDataLoss when the stream is corrupt or cut off; kUnimplemented for bzip2
// and xz.
Result<std::unique_ptr<ChunkStream>> Decompress(ChunkStream& input);

}  // namespace davit
