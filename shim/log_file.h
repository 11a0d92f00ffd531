// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A CRI log file (Kubernetes' "CRI logging" format), written in batches of whole lines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace davit::shim {

struct LogFile {
  int fd = -1;
  bool torn = false;  // it ends in the middle of a line
  uint64_t dropped_bytes = 0;
};

// Appends a batch. What cannot be written (a full disk) is dropped and counted, because a log error must not
// block the container. The next batch then begins on a new line, where readers resynchronise.
//
// Blocks as long as the filesystem does. Uses neither errno nor the heap, because it runs in a process that
// shares the shim's memory.
void WriteBatch(LogFile& file, const char* data, size_t size);

}  // namespace davit::shim
