// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much freed memory the daemon keeps.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/reactor.h"

namespace davit {

// glibc's malloc makes up to eight arenas per processor, each with free memory of its own, and raises the
// size from which it maps memory apart, and the free memory that it keeps, up to 64 MiB once large blocks are
// freed (mallopt(3)). Here: two arenas, and fixed thresholds. Before the first thread.
void ConfigureHeap();

// Gives the free memory between what is in use back to the kernel (malloc_trim(3)) some seconds after calls
// have been served, when none is in progress.
class HeapTrimmer {
 public:
  // `busy` tells whether calls are in progress. The trim takes some milliseconds of the reactor's thread.
  static Result<std::unique_ptr<HeapTrimmer>> Start(Reactor& reactor, std::function<bool()> busy);
  ~HeapTrimmer();
  HeapTrimmer(const HeapTrimmer&) = delete;
  HeapTrimmer& operator=(const HeapTrimmer&) = delete;

  // A call has ended. Thread-safe; a system call once per trim.
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

}  // namespace davit
