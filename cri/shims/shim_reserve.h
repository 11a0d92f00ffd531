// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Keeps one shim ready, so that a new pod need not wait for its shim: the shim has its id, its program runs,
// and it has created the namespaces that most pods need (shim/sandbox.h).
#pragma once

#include <chrono>
#include <optional>
#include <thread>

#include "base/backoff.h"
#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/shims/shim_launcher.h"
#include "cri/shims/shims.h"

namespace davit::cri {

// Thread-safe. The waiting shim has no record in the database, and ends by itself when the daemon ends.
class ShimReserve {
 public:
  // `launcher` outlives the reserve.
  explicit ShimReserve(ShimLauncher& launcher);
  ~ShimReserve();

  // Returns the waiting shim, or starts a new one if none waits or the waiting one has died.
  Result<NewShim> Take() EXCLUDES(mutex_);

  // If no shim waits, a thread starts the next one after `patience`, or earlier if an earlier call asked for
  // that.
  void Refill(std::chrono::milliseconds patience) EXCLUDES(mutex_);

  // The result of the last start, by Take or in the background. A failed start is repeated in the background,
  // with pauses that grow from 100 ms to 10 s, until one works.
  Result<> Health() const EXCLUDES(mutex_);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Run() EXCLUDES(mutex_);
  // Blocks until a start is due; false if the thread must end.
  bool AwaitDue() EXCLUDES(mutex_);
  std::optional<NewShim> TakeWaiting() EXCLUDES(mutex_);
  void NoteHealth(const Result<NewShim>& started) REQUIRES(mutex_);
  void ScheduleRetry() REQUIRES(mutex_);

  ShimLauncher& launcher_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::optional<NewShim> waiting_ GUARDED_BY(mutex_);
  std::optional<TimePoint> due_ GUARDED_BY(mutex_);
  Result<> health_ GUARDED_BY(mutex_);
  Backoff retry_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
