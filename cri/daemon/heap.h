// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits the freed memory that the daemon keeps.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/reactor.h"

namespace davit::cri {

// By default glibc's malloc creates up to eight arenas per processor, each with its own free memory, and
// after large blocks are freed it raises its mmap and trim thresholds, up to 64 MiB (mallopt(3)). This sets
// two arenas and fixed thresholds. Call it before the first thread starts.
void ConfigureHeap();

// Returns free memory inside the heap to the kernel (malloc_trim(3)) some seconds after a call has ended,
// once no call is in progress and if it is worth the time (8 MiB).
class HeapTrimmer {
 public:
  // `busy` returns whether calls are in progress; it runs on the reactor's thread. A trim blocks that thread
  // for some milliseconds. The reactor must outlive the object.
  static Result<std::unique_ptr<HeapTrimmer>> Start(Reactor& reactor, std::function<bool()> busy);
  ~HeapTrimmer();
  HeapTrimmer(const HeapTrimmer&) = delete;
  HeapTrimmer& operator=(const HeapTrimmer&) = delete;

  // To be called when a call has ended. Thread-safe; makes at most one system call per trim.
  void Note();

 private:
  HeapTrimmer(Reactor& reactor, UniqueFd timer, std::function<bool()> busy)
      : reactor_(reactor), timer_(std::move(timer)), busy_(std::move(busy)) {}
  void OnTimer();
  void Arm(int seconds);

  Reactor& reactor_;
  const UniqueFd timer_;
  const std::function<bool()> busy_;
  std::atomic<bool> armed_ = false;
};

}  // namespace davit::cri
