// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A thread that starts shims in their cgroup.
#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/spawn.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/shim_home.h"

namespace davit::cri {

// Thread-safe: concurrent calls take turns.
class ShimSpawner {
 public:
  // Starts a thread and moves it into the cgroup. `home` must outlive the spawner.
  static Result<std::unique_ptr<ShimSpawner>> Start(ShimHome& home);
  ~ShimSpawner();

  // Like davit::Spawn, with the child in the cgroup. If the child cannot be moved there, it is killed and
  // reaped.
  Result<ChildProcess> Spawn(const SpawnRequest& request);

 private:
  struct Job {
    const SpawnRequest* request;
    std::optional<Result<ChildProcess>> outcome;
  };

  explicit ShimSpawner(ShimHome& home) : home_(home) {}
  void Run();
  // The next job; null if the thread is to end.
  Job* AwaitJob();

  ShimHome& home_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<Result<>> placed_ GUARDED_BY(mutex_);  // set once the thread has tried to join
  Job* job_ GUARDED_BY(mutex_) = nullptr;              // one at a time; its caller waits for the outcome
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
