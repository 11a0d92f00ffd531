// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lets two stages run in parallel: one thread produces while another consumes.
#pragma once

#include <memory>

#include "images/unpack/chunk_stream.h"

namespace davit::images {

// Returns a stream with the content of `input`. Its own thread reads at most four pieces ahead (1 MiB with
// pieces of 256 KiB). `input` must outlive the stream and must not be used otherwise during that time. The
// destructor waits until the current call of Next on `input` has returned, and ends the thread.
std::unique_ptr<ChunkStream> ReadAhead(ChunkStream& input);

}  // namespace davit::images
