// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Two stages at once: one thread produces while another consumes.
#pragma once

#include <memory>

#include "images/unpack/chunk_stream.h"

namespace davit {

// A stream with the content of `input`, which a thread of its own reads a bounded number of bytes (1 MiB)
// ahead. `input` outlives it and is not touched by anybody else until it is gone; going ends the thread once
// the call of Next that it is in has returned.
std::unique_ptr<ChunkStream> ReadAhead(ChunkStream& input);

}  // namespace davit
