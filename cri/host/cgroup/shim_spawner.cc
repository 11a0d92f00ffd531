// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/shim_spawner.h"

#include <signal.h>

#include <system_error>

#include "base/guarded.h"

namespace davit::cri {

Result<std::unique_ptr<ShimSpawner>> ShimSpawner::Start(ShimHome& home) {
  std::unique_ptr<ShimSpawner> spawner(new ShimSpawner(home));
  try {
    spawner->thread_ = std::thread(&ShimSpawner::Run, spawner.get());
  } catch (const std::system_error& error) {
    return SystemError("start thread", "shim spawner", error.code().value());
  }
  MutexLock lock(spawner->mutex_);
  while (!spawner->placed_) spawner->changed_.Wait(spawner->mutex_);
  TRY(*spawner->placed_);
  return spawner;
}

ShimSpawner::~ShimSpawner() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

Result<ChildProcess> ShimSpawner::Spawn(const SpawnRequest& request) {
  Job job{&request, std::nullopt};
  {
    MutexLock lock(mutex_);
    while (job_ != nullptr) changed_.Wait(mutex_);
    job_ = &job;
    changed_.NotifyAll();
    while (!job.outcome) changed_.Wait(mutex_);
    job_ = nullptr;
    changed_.NotifyAll();
  }
  ChildProcess child = TRY(std::move(*job.outcome));
  if (Result<> joined = home_.JoinAfterSpawn(child.pid); !joined) {
    (void)child.pidfd.Signal(SIGKILL);
    (void)Reap(child);
    return std::unexpected(std::move(joined).error());
  }
  return child;
}

void ShimSpawner::Run() {
  Result<> placed = home_.MoveCallingThread();
  {
    MutexLock lock(mutex_);
    placed_ = std::move(placed);
    changed_.NotifyAll();
  }
  while (Job* job = AwaitJob()) {
    Result<ChildProcess> outcome = Guarded("spawn", "shim", [job] { return davit::Spawn(*job->request); });
    MutexLock lock(mutex_);
    job->outcome = std::move(outcome);
    changed_.NotifyAll();
  }
}

ShimSpawner::Job* ShimSpawner::AwaitJob() {
  MutexLock lock(mutex_);
  while (!ending_ && (job_ == nullptr || job_->outcome)) changed_.Wait(mutex_);
  return ending_ ? nullptr : job_;
}

}  // namespace davit::cri
