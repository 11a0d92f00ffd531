// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A thread that starts shims, placed where they shall run.
#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/spawn.h"
#include "base/thread_annotations.h"
#include "cri/host/cgroup/shim_cgroup.h"

namespace davit {

// Thread-safe: concurrent calls take turns.
class ShimSpawner {
 public:
  // Moves a new thread into the cgroup. `cgroup` outlives the spawner.
  static Result<std::unique_ptr<ShimSpawner>> Start(const ShimCgroup& cgroup);
  ~ShimSpawner();

  // As davit::Spawn, with the child in the cgroup. A child that could not be placed is killed and reaped.
  Result<ChildProcess> Spawn(const SpawnRequest& request);

 private:
  struct Job {
    const SpawnRequest* request;
    std::optional<Result<ChildProcess>> outcome;
  };

  explicit ShimSpawner(const ShimCgroup& cgroup) : cgroup_(cgroup) {}
  void Run();
  // The next job; null when it is time to end.
  Job* AwaitJob();

  const ShimCgroup& cgroup_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<Result<>> placed_ GUARDED_BY(mutex_);  // once the thread has tried
  Job* job_ GUARDED_BY(mutex_) = nullptr;              // one at a time; its caller waits for the outcome
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit
