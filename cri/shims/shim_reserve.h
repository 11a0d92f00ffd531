// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One shim that waits for its pod, so that no pod waits for its shim: it has its id, its program runs, and it
// has made the namespaces that most pods want (shim/sandbox.h).
#pragma once

#include <chrono>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cri/shims/shim_launcher.h"
#include "cri/shims/shims.h"

namespace davit {

// Thread-safe. A waiting shim belongs to no record, and ends by itself when the daemon does.
class ShimReserve {
 public:
  // `launcher` outlives the reserve.
  explicit ShimReserve(ShimLauncher& launcher);
  ~ShimReserve();

  // The waiting shim; a new one when none waits, or when the one that did has died.
  Result<NewShim> Take() EXCLUDES(mutex_);

  // Has a thread start the next one within `patience`, if none waits. A failure is left for Take to meet and
  // tell.
  void Refill(std::chrono::milliseconds patience) EXCLUDES(mutex_);

  // How the last start in the background went.
  Result<> Health() const EXCLUDES(mutex_);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Run() EXCLUDES(mutex_);
  // Waits until one is due; false when it is time to end.
  bool AwaitDue() EXCLUDES(mutex_);
  std::optional<NewShim> TakeWaiting() EXCLUDES(mutex_);

  ShimLauncher& launcher_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::optional<NewShim> waiting_ GUARDED_BY(mutex_);
  std::optional<TimePoint> due_ GUARDED_BY(mutex_);
  Result<> health_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit
