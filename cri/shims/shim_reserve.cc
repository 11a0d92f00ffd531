// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_reserve.h"

#include <utility>

#include "base/guarded.h"

namespace davit::cri {
namespace {

constexpr std::chrono::milliseconds kFirstRetry(100);
constexpr std::chrono::milliseconds kLongestRetry(10'000);

}  // namespace

ShimReserve::ShimReserve(ShimLauncher& launcher)
    : launcher_(launcher), retry_(kFirstRetry, kLongestRetry), thread_(&ShimReserve::Run, this) {}

ShimReserve::~ShimReserve() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
  if (std::optional<NewShim> shim = TakeWaiting()) launcher_.Discard(std::move(*shim));
}

Result<NewShim> ShimReserve::Take() {
  if (std::optional<NewShim> shim = TakeWaiting()) {
    Result<bool> dead = shim->process.WaitExit(0);
    if (dead && !*dead) return std::move(*shim);
    launcher_.Discard(std::move(*shim));
  }
  Result<NewShim> shim = launcher_.Launch();
  MutexLock lock(mutex_);
  NoteHealth(shim);
  if (!shim && !waiting_ && !due_) ScheduleRetry();
  return shim;
}

void ShimReserve::Refill(std::chrono::milliseconds patience) {
  MutexLock lock(mutex_);
  TimePoint due = std::chrono::steady_clock::now() + patience;
  if (waiting_ || (due_ && *due_ <= due)) return;
  due_ = due;
  changed_.NotifyAll();
}

Result<> ShimReserve::Health() const {
  MutexLock lock(mutex_);
  return health_;
}

void ShimReserve::Run() {
  while (AwaitDue()) {
    Result<NewShim> shim = Guarded("start", "next shim", [this] { return launcher_.Launch(); });
    MutexLock lock(mutex_);
    NoteHealth(shim);
    due_.reset();
    if (shim)
      waiting_ = std::move(*shim);
    else
      ScheduleRetry();
  }
}

void ShimReserve::NoteHealth(const Result<NewShim>& started) {
  health_ = started ? Result<>() : Result<>(std::unexpected(started.error()));
  if (started) retry_.Reset();
}

// Without a retry, a node that is not ready would stay so: the kubelet starts no pods on it, and only a
// started pod asks for the next shim.
void ShimReserve::ScheduleRetry() {
  due_ = std::chrono::steady_clock::now() + retry_.Next();
  changed_.NotifyAll();
}

bool ShimReserve::AwaitDue() {
  MutexLock lock(mutex_);
  while (!ending_ && (!due_ || std::chrono::steady_clock::now() < *due_)) {
    if (!due_)
      changed_.Wait(mutex_);
    else
      (void)changed_.WaitUntil(mutex_, *due_);
  }
  return !ending_;
}

std::optional<NewShim> ShimReserve::TakeWaiting() {
  MutexLock lock(mutex_);
  return std::exchange(waiting_, std::nullopt);
}

}  // namespace davit::cri
