// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A CRI log file (Kubernetes' "CRI logging" format), written in batches of whole lines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace davit {

struct LogFile {
  int fd = -1;
  bool torn = false;  // it ends within a line
  uint64_t dropped_bytes = 0;
};

// Appends a batch. What the file does not take (a full disk) is dropped and counted, because a container must
// not stand still for its log; the next batch then begins a new line, where readers resynchronise.
//
// Waits as long as the filesystem does. Uses neither errno nor the heap: it runs in a task that shares the
// shim's memory.
void WriteBatch(LogFile& file, const char* data, size_t size);

}  // namespace davit
